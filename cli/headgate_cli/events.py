"""`headgate events`: what arrived, what became of it and why, and once more."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.moments import local_time
from headgate_cli.output import escaped, next_command, note, painted, print_json, print_table, say, table
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.usecases.explain_event import Decided, Explanation

app = typer.Typer(no_args_is_help=True, help="Events of the last seven days: list, explain, replay.")

EventArgument = Annotated[
    str, typer.Argument(metavar="EVENT", help="An event's id, or a part of it that no other has.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print an object.")]


@app.command("list")
def list_events(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: JsonOption = False,
) -> None:
    """The latest events, newest first, and what was decided about them."""
    events = world_of(context).events.recent(limit)
    if as_json:
        print_json({"events": events})
        return
    if not events:
        note("no event has arrived yet")
        next_command("headgate trigger test fivetran --connector NAME")
        return
    shown = table("received", "outcome", "event", "detail", "decided")
    for event in events:
        shown.add_row(
            local_time(event.get("received_at")),
            escaped(str(event.get("outcome") or "")),
            escaped(str(event.get("event_id") or "")),
            escaped(_detail(event)),
            escaped("; ".join(_brief(one) for one in event.get("notes") or [])),
        )
    print_table(shown)
    next_command(f"headgate events explain {events[0]['event_id']}")


def _detail(event: Mapping[str, Any]) -> str:
    detail = event.get("detail") or {}
    return str(detail.get("detail") or "") if isinstance(detail, Mapping) else str(detail)


def _brief(said: Mapping[str, Any]) -> str:
    text = f"run {said['run_id']}" if said["run_id"] is not None else str(said["text"])
    return f"{said['job']}: {text}" if said["job"] else text


@app.command()
def explain(context: typer.Context, event: EventArgument, as_json: JsonOption = False) -> None:
    """Why an event started, or did not start, a run."""
    from dataclasses import asdict

    from headgate.usecases.explain_event import explain_event
    from headgate.usecases.find_event import find_event

    world = world_of(context)
    found = explain_event(
        find_event(event, world.events),
        jobs=world.jobs,
        runs=world.runs,
        gates=world.gates,
        clock=world.clock,
    )
    if as_json:
        print_json({**asdict(found), "verdict": found.verdict})
        return
    _print(found)


def _print(found: "Explanation") -> None:
    event = found.event
    detail = event["detail"] if isinstance(event["detail"], Mapping) else {}
    sender = "/".join(str(detail[key]) for key in ("provider", "origin") if detail.get(key))
    say(f"[bold]{escaped(event['event_id'])}[/]")
    for label, text in (
        ("arrived", local_time(event["received_at"])),
        ("from", sender),
        ("verified", found.verified),
        ("what", _detail(event)),
        ("outcome", f"{event['outcome']}: {found.verdict}"),
    ):
        if text:
            say(f"  [bright_black]{label:<9}[/] {escaped(text)}")
    for one in found.decided:
        _print_decided(one)
    for near in found.near:
        say(f"  [yellow]![/] {escaped(near)}")
    runs = [one.run_id for one in found.decided if one.run_id is not None]
    next_command(f"headgate runs view {runs[0]}" if runs else f"headgate events replay {event['event_id']}")


def _print_decided(one: "Decided") -> None:
    status = f"  {painted(one.status)}" if one.status else ""
    say(f"  [bold]{escaped(one.job)}[/]  {escaped(one.text)}{status}  [bright_black]{local_time(one.at)}[/]")
    if one.now:
        say(f"    now: {escaped(one.now)}")


@app.command()
def replay(
    context: typer.Context,
    event: EventArgument,
    again: Annotated[
        bool,
        typer.Option("--again", help="As a new event: also what it has started before starts once more."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Publish a stored event once more; a job that it has started does not start again."""
    from headgate.usecases.find_event import find_event
    from headgate.usecases.replay_event import replay_event

    world = world_of(context)
    event_id = replay_event(
        find_event(event, world.events),
        events=world.events,
        bus=world.bus,
        clock=world.clock,
        again=uuid.uuid4().hex if again else "",
    )
    if as_json:
        print_json({"event_id": event_id})
        return
    say(f"[green]✓[/] {escaped(event_id)} is published {'as a new event' if again else 'again'}")
    next_command(f"headgate events explain {event_id}")
