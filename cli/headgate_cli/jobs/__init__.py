"""`headgate jobs`: check headgate.yml, and make the stack equal to it."""

import typer

from headgate_cli.jobs.apply import apply
from headgate_cli.jobs.init import init
from headgate_cli.jobs.pause import pause, resume
from headgate_cli.jobs.plan import plan
from headgate_cli.jobs.schema import schema
from headgate_cli.jobs.states import list_jobs
from headgate_cli.jobs.validate import validate

app = typer.Typer(no_args_is_help=True, help="Jobs as code: what the jobs files say, and what is applied.")
app.command()(init)
app.command()(validate)
app.command()(plan)
app.command()(apply)
app.command()(pause)
app.command()(resume)
app.command("list")(list_jobs)
app.command()(schema)
