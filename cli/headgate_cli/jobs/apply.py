"""`headgate jobs apply`: make the stack equal to headgate.yml."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.jobs.options import FileOption, JsonOption
from headgate_cli.output import counted, escaped, next_command, print_json, say
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.job import JobsFile


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between what is stored and what is written. `what`: added, changed or removed."""

    what: str
    kind: str
    name: str
    details: str = ""


_SIGNS = {"added": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red")}


def apply(
    context: typer.Context,
    file: FileOption = Path("headgate.yml"),
    origin: Annotated[
        str, typer.Option(help="Marks the jobs that this file manages; else the file's name.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Make the stack's jobs, alert rules and schedules equal to the jobs file."""
    from headgate.adapters.jobs_file import read_jobs_file

    jobs_file = read_jobs_file(file, origin or None)
    world = world_of(context)
    before = _stored(world, jobs_file)
    world.jobs.apply(jobs_file)
    world.scheduler.sync(jobs_file.jobs, jobs_file.origin)
    changes = differences(before, _stored(world, jobs_file))
    schedules = world.scheduler.names(jobs_file.origin)
    if as_json:
        print_json({"changes": [asdict(change) for change in changes], "schedules": schedules})
        return
    for change in changes:
        sign, colour = _SIGNS[change.what]
        say(
            f"[{colour}]{sign}[/] {change.kind:<12} [bold]{change.name}[/]  {escaped(change.details)}".rstrip()
        )
    summary = (
        ", ".join(f"{_number(changes, what)} {what}" for what in _SIGNS) if changes else "nothing changed"
    )
    say(f"[green]✓[/] applied {escaped(str(file))}: {summary} · {counted(len(schedules), 'schedule')}")
    unpublished = [name for name in _names(jobs_file) if not _is_published(world, name)]
    if unpublished:
        next_command(*(f"headgate publish --environment {name}" for name in unpublished))
    elif jobs_file.jobs:
        next_command(f"headgate run {jobs_file.jobs[0].name}")


Stored = Mapping[tuple[str, str], Any]


def differences(before: Stored, after: Stored) -> list[Change]:
    """What was added, changed and removed, in that order of the file's things."""
    found = [
        Change("changed" if key in before else "added", *key, _details(before.get(key), value))
        for key, value in after.items()
        if before.get(key) != value
    ]
    return found + [Change("removed", *key) for key in before if key not in after]


def _details(old: Any, new: Any) -> str:
    """`threads 4 → 8`: the fields that differ, for what has fields."""
    if old is None or isinstance(new, tuple):
        return ""
    names = [name for name in new.__slots__ if getattr(old, name) != getattr(new, name)]
    return "; ".join(f"{name} {_shown(getattr(old, name))} → {_shown(getattr(new, name))}" for name in names)


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "(none)"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={member}" for key, member in value.items())
    slots = getattr(value, "__slots__", None)
    return " ".join(_shown(getattr(value, name)) for name in slots) if slots else str(value)


def _stored(world: "World", jobs_file: "JobsFile") -> dict[tuple[str, str], Any]:
    from headgate.errors import NotFoundError

    found: dict[tuple[str, str], Any] = {}
    for name in _names(jobs_file):
        try:
            found["environment", name] = world.jobs.environment(name)
        except NotFoundError:
            continue
    found |= {("job", job.name): job for job in world.jobs.jobs()}
    rules = tuple(world.jobs.alert_rules())
    return found | ({("alert rules", "all"): rules} if rules else {})


def _names(jobs_file: "JobsFile") -> list[str]:
    return [environment.name for environment in jobs_file.environments]


def _is_published(world: "World", environment: str) -> bool:
    from headgate.errors import NotFoundError

    try:
        return bool(world.jobs.bundle_of(environment))
    except NotFoundError:
        return False


def _number(changes: list[Change], what: str) -> int:
    return sum(change.what == what for change in changes)
