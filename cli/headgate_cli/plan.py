"""`headgate plan`: what a job's next run would build and reuse, why, when, and what it would cost. Starts nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from headgate_cli.described import node_name
from headgate_cli.moments import clock_time, local_time
from headgate_cli.output import (
    counted,
    escaped,
    next_command,
    print_json,
    print_table,
    say,
    seconds_text,
    table,
)
from headgate_cli.world import world_of

_KINDS = {"test": "test", "unit_test": "unit test"}
# How many names stand for all that are reused for one reason, and how much of the longest path is written out.
_NAMED, _STATIONS = 3, 6


def plan(
    context: typer.Context,
    job: Annotated[str, typer.Argument(help="The job's name.")],
    select: Annotated[
        list[str] | None, typer.Option("--select", "-s", help="Instead of what its commands select.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", help="Instead of what its commands exclude.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object.")] = False,
) -> None:
    """Show what a run would do if it began now. Nothing is written, nothing starts."""
    from headgate.domain.plan_object import plan_object
    from headgate.usecases.preview_plan import preview_plan

    found = plan_object(
        preview_plan(job, ports=world_of(context), select=select or (), exclude=exclude or ())
    )
    if as_json:
        print_json(found)
        return
    _print(found)


def _print(found: Mapping[str, Any]) -> None:
    say(f"[bold]{escaped(found['job'])}[/] · {found['environment']} · bundle {found['bundle'][:12]}")
    say(_summary(found["counts"]))
    for step in found["steps"]:
        _print_step(step, numbered=len(found["steps"]) > 1)
    say("")
    say(" · ".join(_totals(found)))
    for line in (*_deadline(found["deadline"]), *found["notes"]):
        say(line)
    next_command(f"headgate run {found['job']}", f"headgate plan {found['job']} --json")


def _summary(counts: Mapping[str, int]) -> str:
    built, reused, nodes = counts["build"], counts["reuse"], counts["nodes"]
    if not nodes:
        return "would build nothing: the selection matches no node"
    if not reused:
        return f"would build [bold]{counted(built, 'node')}[/]"
    return f"would build [bold]{built:,}[/] of {counted(nodes, 'node')}, reuse [bold]{reused:,}[/]"


def _print_step(step: Mapping[str, Any], *, numbered: bool) -> None:
    say("")
    runners = f" on {counted(step['runners'], 'runner')}" if step["runners"] else ", no runner"
    name = f"[bold]step {step['step']}[/]  " if numbered else ""
    looks = ": one looks whether everything is still there" if step["looks"] else ""
    say(f"{name}{escaped(step['command'])}{runners}{looks}")
    built = [node for node in step["nodes"] if node["action"] == "build"]
    if built:
        print_table(_table(built))
    for line in (*_reused(step["nodes"]), *_path(step), *(escaped(note) for note in step["notes"])):
        say(line)


def _table(nodes: Iterable[Mapping[str, Any]]) -> Any:
    shown = table("", "node", "why", "from", "takes", right=("takes",))
    for node in nodes:
        kind = _KINDS.get(node["resource_type"], "")
        why = f"[yellow]{node['reason']}[/]" + (f"  {escaped(node['fact'])}" if node["fact"] else "")
        shown.add_row(
            "[red]●[/]" if node["critical"] else "[green]+[/]",
            f"[bright_black]{kind}[/] {escaped(node_name(node['unique_id']))}".removeprefix(
                "[bright_black][/] "
            ),
            why if node["reason"] != "selected" else "[bright_black]selected[/]",
            clock_time(node["start"]),
            seconds_text(node["predicted_seconds"]),
        )
    return shown


def _reused(nodes: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """One line for each reason; what waits for its window says until when."""
    reused = [node for node in nodes if node["action"] == "reuse"]
    for reason, number in Counter(node["reason"] for node in reused).most_common():
        alike = [node for node in reused if node["reason"] == reason]
        names = ", ".join(escaped(node_name(node["unique_id"])) for node in alike[:_NAMED])
        more = "" if number <= _NAMED else f" and {number - _NAMED:,} more"
        due = min((node["due_at"] for node in alike if node["due_at"]), default=None)
        until = f", the first due at {local_time(due)}" if due else ""
        yield f"[cyan]↺[/] {number:,} reused, {reason}{until} [bright_black]({names}{more})[/]"


def _path(step: Mapping[str, Any]) -> Iterable[str]:
    path = [escaped(node_name(unique_id)) for unique_id in step["critical_path"]]
    if not path:
        return
    shown = path if len(path) <= _STATIONS else [*path[: _STATIONS - 2], "…", path[-1]]
    yield f"[red]●[/] longest path: {' → '.join(shown)}"


def _totals(found: Mapping[str, Any]) -> Iterable[str]:
    yield f"ends about [bold]{local_time(found['end'])}[/], in {seconds_text(found['seconds'])}"
    yield f"{seconds_text(found['warehouse_seconds'])} of queries"
    if found["saved_seconds"]:
        yield f"{seconds_text(found['saved_seconds'])} saved"
    low, high = found["cost"]["low"], found["cost"]["high"]
    yield f"AWS ${low:.4f} to ${high:.4f}"


def _deadline(deadline: Mapping[str, Any] | None) -> Iterable[str]:
    if deadline is None:
        return
    margin = seconds_text(abs(deadline["margin_seconds"]))
    when = f"{deadline['finish_by']} {deadline['timezone']}"
    if deadline["holds"]:
        yield f"[green]✓[/] over by {when} with {margin} to spare"
    else:
        yield f"[red]✕[/] {margin} too late for {when}"
