"""`headgate events`: what arrived from outside, and what became of it."""

from typing import Annotated

import typer

from headgate_cli.moments import local_time
from headgate_cli.output import escaped, next_command, note, print_json, print_table, table
from headgate_cli.world import world_of

app = typer.Typer(no_args_is_help=True, help="Inbound events of the last seven days.")


@app.callback()
def _noun() -> None:
    """Keeps `list` a word of its own, also while it is the only one."""


@app.command("list")
def list_events(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object.")] = False,
) -> None:
    """The latest inbound events, newest first."""
    events = world_of(context).events.recent(limit)
    if as_json:
        print_json({"events": events})
        return
    if not events:
        note("no event has arrived yet")
        next_command("headgate trigger fivetran --connector NAME")
        return
    shown = table("received", "outcome", "event", "detail")
    for event in events:
        detail = event.get("detail") or {}
        told = str(detail.get("detail") or "") if isinstance(detail, dict) else str(detail)
        shown.add_row(
            local_time(event.get("received_at")),
            escaped(str(event.get("outcome") or "")),
            escaped(str(event.get("event_id") or "")),
            escaped(told),
        )
    print_table(shown)
    next_command("headgate runs list")
