"""`headgate jobs`: check headgate.yml, and make the stack equal to it."""

import typer

from headgate_cli.jobs.apply import apply
from headgate_cli.jobs.listing import list_jobs
from headgate_cli.jobs.validate import validate

app = typer.Typer(no_args_is_help=True, help="The jobs file: validate, apply, list.")
app.command()(validate)
app.command()(apply)
app.command("list")(list_jobs)
