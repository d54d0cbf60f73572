"""`headgate plan`: what a job's next run would build and reuse, why, when, and what it would cost. Starts nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from headgate_cli.described import node_label, node_name
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

_TESTS = frozenset({"test", "unit_test"})
# How many names stand for all that are folded for one reason, and how much of the longest path is written out.
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
    everything: Annotated[bool, typer.Option("--all", help="Fold neither tests nor reused nodes.")] = False,
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
    _print(found, everything)


def _print(found: Mapping[str, Any], everything: bool) -> None:
    say(f"[bold]{escaped(found['job'])}[/] · {found['environment']} · bundle {found['bundle'][:12]}")
    say(_summary(found["counts"]))
    for step in found["steps"]:
        _print_step(step, everything, numbered=len(found["steps"]) > 1)
    say("")
    say(" · ".join(_totals(found)))
    for line in (*_deadline(found["deadline"]), *_notes(found["notes"])):
        say(line)
    more = "--json" if everything else "--all"
    next_command(f"headgate run {found['job']}", f"headgate plan {found['job']} {more}")


def _summary(counts: Mapping[str, int]) -> str:
    built, reused, nodes = counts["build"], counts["reuse"], counts["nodes"]
    if not nodes:
        return "would build nothing: the selection matches no node"
    if not reused:
        return f"would build [bold]{counted(built, 'node')}[/]"
    return f"would build [bold]{built:,}[/] of {counted(nodes, 'node')}, reuse [bold]{reused:,}[/]"


def _print_step(step: Mapping[str, Any], everything: bool, *, numbered: bool) -> None:
    say("")
    runners = f" on {counted(step['runners'], 'runner')}" if step["runners"] else ", no runner"
    name = f"[bold]step {step['step']}[/]  " if numbered else ""
    looks = ": one looks whether everything is still there" if step["looks"] else ""
    say(f"{name}{escaped(step['command'])}{runners}{looks}")
    reused = [node for node in step["nodes"] if node["action"] == "reuse"]
    built = [node for node in step["nodes"] if node["action"] == "build"]
    tests = [node for node in built if node["resource_type"] in _TESTS]
    shown = [*built, *reused] if everything else [node for node in built if node not in tests]
    if shown:
        print_table(_table(shown))
    folded = (
        [] if everything else [*_folded("[green]+[/]", "test", tests), *_folded("[cyan]↺[/]", "", reused)]
    )
    for line in (*folded, *_path(step), *_notes(step["notes"])):
        say(line)


def _table(nodes: Iterable[Mapping[str, Any]]) -> Any:
    """What is built by when it begins, then what is reused."""
    shown = table(
        "", "node", "why", "fact", "begins", "takes", right=("takes",), whole=("", "why", "begins", "takes")
    )
    for node in sorted(nodes, key=lambda node: node["start"] or "~"):
        is_built = node["action"] == "build"
        colour = "bright_black" if node["reason"] == "selected" else "yellow" if is_built else "cyan"
        shown.add_row(
            "[red]●[/]" if node["critical"] else "[green]+[/]" if is_built else "[cyan]↺[/]",
            node_label(node["unique_id"], node["resource_type"]),
            f"[{colour}]{node['reason']}[/]",
            escaped(node["fact"]),
            clock_time(node["start"]),
            seconds_text(node["predicted_seconds"]) if is_built else "",
        )
    return shown


def _folded(mark: str, kind: str, nodes: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """One line for each reason; what waits for its window says until when."""
    for reason, number in Counter(node["reason"] for node in nodes).most_common():
        alike = [node for node in nodes if node["reason"] == reason]
        names = ", ".join(escaped(node_name(node["unique_id"])) for node in alike[:_NAMED])
        more = "" if number <= _NAMED else f" and {number - _NAMED:,} more"
        due = min((node["due_at"] for node in alike if node["due_at"]), default=None)
        until = f", the first due at {local_time(due)}" if due else ""
        what = counted(number, kind) if kind else f"{number:,} reused"
        yield f"{mark} {what}, {reason}{until} [bright_black]({names}{more})[/]"


def _notes(notes: Iterable[str]) -> Iterable[str]:
    return (f"[yellow]![/] {escaped(note)}" for note in notes)


def _path(step: Mapping[str, Any]) -> Iterable[str]:
    path = [escaped(node_name(unique_id)) for unique_id in step["critical_path"]]
    if not path:
        return
    shown = path if len(path) <= _STATIONS else [*path[: _STATIONS - 2], "…", path[-1]]
    yield f"[red]●[/] longest path: {' → '.join(shown)}"


def _totals(found: Mapping[str, Any]) -> Iterable[str]:
    if found["seconds"]:
        yield f"ends about [bold]{local_time(found['end'])}[/], in {seconds_text(found['seconds'])}"
        yield f"{seconds_text(found['warehouse_seconds'])} of queries"
    else:
        yield "ends at once"
    if found["saved_seconds"]:
        yield f"{seconds_text(found['saved_seconds'])} saved"
    low, high = (f"${found['cost'][end]:.4f}" for end in ("low", "high"))
    yield f"AWS {low}" if low == high else f"AWS {low} to {high}"


def _deadline(deadline: Mapping[str, Any] | None) -> Iterable[str]:
    if deadline is None:
        return
    margin = seconds_text(abs(deadline["margin_seconds"]))
    when = f"{deadline['finish_by']} {deadline['timezone']}"
    if deadline["holds"]:
        yield f"[green]✓[/] over by {when} with {margin} to spare"
    else:
        yield f"[red]✕[/] {margin} too late for {when}"
