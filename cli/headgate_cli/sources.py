"""`headgate sources`: where each source gets its data from, when it last did, and which connectors feed none."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.moments import local_time
from headgate_cli.output import (
    counted,
    escaped,
    next_command,
    note,
    print_json,
    print_table,
    say,
    seconds_text,
    table,
)
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.source_listing import SourceLine, Unmapped
    from headgate.domain.sync import Sync
    from headgate.usecases.view_sources import SourcesView

# Syncs are kept for 90 days: `01-31 06:00` is enough.
_WITHOUT_YEAR = slice(5, 16)
_COLOURS = {"fresh": "green", "observed": "green", "silent": "yellow", "unknown": "yellow"}


def sources(
    context: typer.Context,
    environment: Annotated[str, typer.Option(help="Whose bundle; needed when there are several.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print an object.")] = False,
) -> None:
    """Every source of the published project: its connector, its last sync, and whether reuse can rely on it."""
    from headgate.usecases.view_sources import view_sources

    world = world_of(context)
    view = view_sources(
        environment or _only_environment(world),
        jobs=world.jobs,
        bundles=world.bundles,
        freshness=world.freshness,
        events=world.events,
        clock=world.clock,
    )
    if as_json:
        print_json(_object(view))
        return
    _print(view)


def _only_environment(world: "World") -> str:
    from headgate.errors import InputError, NotFoundError

    names = sorted({job.environment for job in world.jobs.jobs()})
    if not names:
        raise NotFoundError("no jobs are applied yet: `headgate jobs apply`")
    if len(names) > 1:
        raise InputError(f"there are several environments: add --environment, one of {', '.join(names)}")
    return names[0]


def _print(view: "SourcesView") -> None:
    from headgate.domain.instant import iso

    if not view.sources:
        note(f"the project of {view.environment} has no sources")
    else:
        columns = ("source", "connector", "last sync", "age", "state", "read by")
        shown = table(*columns, right=("age", "read by"), whole=columns[2:])
        for line in view.sources:
            shown.add_row(
                f"[bold]{escaped(line.name)}[/]",
                escaped(_connectors(line)),
                local_time(iso(line.sync.at))[_WITHOUT_YEAR] if line.sync else "",
                seconds_text(line.age) if line.age is not None else "",
                f"[{_COLOURS[line.state]}]{line.state}[/]",
                counted(line.readers, "node"),
            )
        print_table(shown)
    for one in view.unmapped:
        _print_unmapped(one)
    if any(line.state in ("silent", "unknown") for line in view.sources):
        note("[yellow]![/] what reads a silent or unknown source is built in every run")
    next_command("headgate jobs list", "headgate events list")


def _print_unmapped(one: "Unmapped") -> None:
    heard = f", last {_sync_text(one.sync)}" if one.sync else ""
    say(
        f"[yellow]![/] unmapped: [bold]{escaped(one.connector)}[/] {escaped(one.name)}{heard} feeds no source"
    )
    nearest = f" (the schema {escaped(one.nearest)}?)" if one.nearest else ""
    say(f"  to map it, give its source{nearest} meta: {escaped(_mapping(one))}")


def _mapping(one: "Unmapped") -> str:
    return f"{{headgate: {{connector: {one.label}}}}}"


def _connectors(line: "SourceLine") -> str:
    told = ", ".join(line.connectors)
    if not told:
        return "(none)"
    return told if line.by_meta else f"{told} (by schema)"


def _sync_text(sync: "Sync | None") -> str:
    from headgate.domain.instant import iso

    return f"{local_time(iso(sync.at))}  {sync.sync_id[:12]}" if sync else ""


def _object(view: "SourcesView") -> dict[str, Any]:
    return {
        "environment": view.environment,
        "bundle": view.bundle,
        "silent_after": view.silent_after,
        "sources": [
            {
                "unique_id": line.unique_id,
                "name": line.name,
                "schema": line.schema,
                "connectors": list(line.connectors),
                "mapped_by": "meta" if line.by_meta else "schema" if line.connectors else None,
                "last_sync": _sync_object(line.sync),
                "age_seconds": line.age,
                "state": line.state.value,
                "fact": line.fact,
                "readers": line.readers,
            }
            for line in view.sources
        ],
        "unmapped": [
            {
                "connector": one.connector,
                "name": one.name,
                "last_sync": _sync_object(one.sync),
                "nearest_schema": one.nearest or None,
                "meta": {"headgate": {"connector": one.label}},
            }
            for one in view.unmapped
        ],
    }


def _sync_object(sync: "Sync | None") -> dict[str, str] | None:
    from headgate.domain.instant import iso

    return {"connector": sync.connector, "id": sync.sync_id, "at": iso(sync.at)} if sync else None
