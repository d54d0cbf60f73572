"""`headgate trigger`: the senders of events, their addresses and secrets, and samples of what they send."""

import typer

from headgate_cli.trigger.add import add
from headgate_cli.trigger.listing import list_sources
from headgate_cli.trigger.rotate import rotate
from headgate_cli.trigger.send import send_sample

app = typer.Typer(no_args_is_help=True, help="Senders of events: addresses, secrets, samples.")
app.command()(add)
app.command("list")(list_sources)
app.command("test")(send_sample)
app.command()(rotate)
