"""A plan of jobs on the terminal, and in a file that `headgate jobs apply --plan` takes."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate_cli.output import SCHEMA_VERSION, counted, escaped, note, say

if TYPE_CHECKING:
    from headgate.domain.job import Job, JobsFile
    from headgate.domain.jobs_changes import Change
    from headgate.domain.jobs_plan import JobsPlan

_SIGNS = {"add": ("+", "green"), "change": ("~", "yellow"), "remove": ("-", "red")}
_DONE = {"add": "added", "change": "changed", "remove": "removed"}
_WILL = {"add": "to add", "change": "to change", "remove": "to remove"}
# What an added thing is told with: the keys by which people know it.
_TELLING = ("environment", "target", "schema", "auth", "max_parallel_runs")
_LONGEST = 100
# Of a group of schedules that somebody deleted nobody reads each line.
_MOST_DRIFT = 20


def print_changes(plan: "JobsPlan", jobs_file: "JobsFile") -> None:
    """One line for each thing, one more for each key that changes; then what is not as it was applied."""
    jobs = {job.name: job for job in jobs_file.jobs}
    width = max((len(change.name) for change in plan.changes if change.kind != "alert rule"), default=0)
    for change in plan.changes:
        _print_change(change, jobs.get(change.name), min(width, 40))
    for origin in plan.takes_over:
        say(f"[yellow]~[/] {escaped(plan.origin)} takes over all that {escaped(origin)} managed")
    if plan.pending:
        say("[yellow]![/] the last apply did not come to its end: its schedules are looked at again")
    for text in plan.drift[:_MOST_DRIFT]:
        say(f"[yellow]![/] {escaped(text)}")
    if more := plan.drift[_MOST_DRIFT:]:
        say(f"[yellow]![/] … and {counted(len(more), 'more difference')}: --json tells them all")
    for text in plan.stopped:
        note(f"[bright_black]·[/] {escaped(text)}")
    for text in plan.warnings:
        note(f"[yellow]![/] {escaped(text)}")


def _print_change(change: "Change", job: "Job | None", width: int) -> None:
    sign, colour = _SIGNS[change.action]
    head = f"[{colour}]{sign}[/] {change.kind:<12} [bold]{escaped(change.name)}[/]"
    if change.action != "change":
        space = " " * (max(width - len(change.name), 0) + 2)
        say(f"{head}{space}{escaped(_told(change, job))}".rstrip())
        return
    say(head)
    longest = max((len(one.key) for one in change.fields), default=0)
    for one in change.fields:
        say(f"    {one.key:<{longest}}  {escaped(_short(one.old))} → {escaped(_short(one.new))}")
    if not change.fields:
        say("    in another order")


def _told(change: "Change", job: "Job | None") -> str:
    from headgate.domain.when_words import describe_when

    if change.action != "add":
        return ""
    if change.kind == "job" and job is not None:
        return " · ".join((job.environment, *describe_when(job)))
    words = {one.key: one.new for one in change.fields}
    return " · ".join(f"{key} {_short(words[key])}" for key in _TELLING if key in words)


def _short(text: str) -> str:
    if not text:
        return "(none)"
    # Whatever moves the cursor or turns the line round is shown as it is written.
    text = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def summary(plan: "JobsPlan", *, done: bool) -> str:
    """`2 added, 0 changed, 1 removed`; the same with `to add` for what is not done yet."""
    words = _DONE if done else _WILL
    if plan.changes:
        return ", ".join(f"{plan.count(action)} {word}" for action, word in words.items())
    if plan.takes_over:
        return f"{'took' if done else 'to take'} over {', '.join(plan.takes_over)}"
    if plan.has_changes:
        return "schedules brought in step" if done else "schedules to bring in step"
    return "nothing changed" if done else "nothing to do"


def plan_object(plan: "JobsPlan", fires: dict[str, Any]) -> dict[str, Any]:
    """What `--json` prints and `--out` writes."""
    return {"plan": asdict(plan), "has_changes": plan.has_changes, "fires": fires}


def write_plan(path: Path, found: dict[str, Any]) -> None:
    import json

    path.write_text(
        json.dumps({"schema_version": SCHEMA_VERSION, **found}, indent=2, ensure_ascii=False) + "\n"
    )


def read_plan(path: Path) -> "JobsPlan":
    """Raises NotFoundError, and InputError for what is no plan."""
    import json

    from pydantic import TypeAdapter, ValidationError

    from headgate.domain.jobs_plan import JobsPlan
    from headgate.errors import InputError, NotFoundError

    try:
        data = json.loads(path.read_text())
        if data["schema_version"] != SCHEMA_VERSION:
            raise InputError(f"{path} was written by another version: make the plan again")
        return TypeAdapter(JobsPlan).validate_python(data["plan"])
    except FileNotFoundError as fault:
        raise NotFoundError(f"there is no file {path}") from fault
    except (ValueError, KeyError, TypeError, ValidationError) as fault:
        raise InputError(f"{path} is no plan of headgate jobs plan --out") from fault


def errors_told(errors: Sequence[str]) -> None:
    for text in errors:
        note(f"[red]error[/] {escaped(text)}")
