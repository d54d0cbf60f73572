"""How a run reads on a terminal: a head, a table of its nodes with what is quiet folded away, one line of result."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from headgate_cli.described import node_label, node_name
from headgate_cli.moments import seconds_between
from headgate_cli.output import (
    counted,
    escaped,
    look,
    next_command,
    painted,
    print_table,
    say,
    seconds_text,
    table,
)

if TYPE_CHECKING:
    from rich.table import Table

    from headgate.domain.run import Run
    from headgate.domain.run_view import NodeView, RunView, StepView

_DBT_S_HEAD = re.compile(r"(?P<kind>[\w ]+ Error) in [\w ]+ \S+ \((?P<path>[^)]+)\): (?P<reason>.+)")
_TESTS = frozenset({"test", "unit_test"})
# Ephemeral models have a turn in the queue and no result: dbt builds them inside their children.
_INLINED = "done"
_REUSED = "reused"
_WELL = frozenset({"success", "no-op", "running"})
_UNBUILT = frozenset({"waiting", "ready", "not run", "never finished"})


class Detail(StrEnum):
    """How much of a run is shown: after watching it, when looking at it, when folding nothing."""

    NOTABLE = "notable"
    BUILT = "built"
    EVERYTHING = "everything"


def print_report(view: "RunView", address: str = "", detail: Detail = Detail.BUILT) -> None:
    """Head, table, result, and what to type next. `address`: the run's page."""
    print_head(view.run)
    if view.wait is not None:
        say(f"[bright_black]{escaped(view.wait.sentence)}[/]")
    for step in view.steps:
        if len(view.steps) > 1:
            say(f"\n[bold]step {step.number}[/]  {escaped(step.command)}")
        if step.number < view.run.first_step:
            say(f"[bright_black]not repeated: it had succeeded before run {view.run.retry_of} failed[/]")
        _print_step(step, detail)
    _print_result(view, address, detail)


def print_head(run: "Run") -> None:
    """What ran, where, of which bundle, and why."""
    say(f"[bold]run {run.run_id}[/] · {run.job} · {run.environment} · bundle {run.bundle[:12] or '(none)'}")
    say(f"[bright_black]caused by {escaped(run.cause_text)}[/]")
    if run.overrides.text:
        say(f"[bright_black]otherwise than its job says: {escaped(run.overrides.text)}[/]")
    if len(run.steps) == 1:
        say(f"[bright_black]{escaped(run.steps[0])}[/]")


def _print_step(step: "StepView", detail: Detail) -> None:
    # The other way round than on a page: on a terminal the end is what one sees.
    shown = [node for node in reversed(step.nodes) if _is_shown(node, detail)]
    if shown:
        say("")
        print_table(_table(shown))
    if detail is not Detail.EVERYTHING:
        for line in _folded(step, detail):
            say(line)
    for told in step.lost:
        say(f"[red]✕[/] {escaped(told)}")
    if step.turn is not None and not step.nodes:
        time = f" in {seconds_text(step.turn.seconds)}" if step.turn.seconds else ""
        say(f"{painted(step.turn.status)}  {escaped(step.command)}{time}")
    elif step.planned and not step.nodes:
        say("[bright_black]nothing to build: the selection matches no node[/]")


def _table(nodes: "Iterable[NodeView]") -> "Table":
    shown = table("", "node", "status", "time", "runner", "message", right=("time", "runner"))
    for node in nodes:
        mark = look(node.status)
        shown.add_row(
            f"[{mark.colour}]{mark.glyph}[/]",
            node_label(node.unique_id, node.kind),
            f"[{mark.colour}]{node.status}[/]",
            seconds_text(node.seconds) if node.seconds is not None else "",
            str(node.runner or ""),
            escaped(_again(node) + telling(node)),
        )
    return shown


def _again(node: "NodeView") -> str:
    return f"attempt {node.attempts}  " if node.attempts > 1 else ""


def _is_shown(node: "NodeView", detail: Detail) -> bool:
    if detail is Detail.EVERYTHING:
        return node.status != _INLINED
    quiet = _is_quiet(node) or _is_folded(node) or node.status == _REUSED
    return not quiet and (detail is Detail.BUILT or node.status not in _WELL)


def _folded(step: "StepView", detail: Detail) -> Iterator[str]:
    built = [node for node in step.nodes if node.status in _WELL and node.kind not in _TESTS]
    if built and detail is Detail.NOTABLE:
        yield f"[green]✓[/] {counted(len(built), 'node')} built"
    quiet = [node for node in step.nodes if _is_quiet(node)]
    if quiet:
        seconds = seconds_text(sum(node.seconds or 0.0 for node in quiet))
        yield f"[green]✓[/] {counted(len(quiet), 'test')} passed [bright_black]in {seconds} together[/]"
    yield from _reused(step)
    yield from _skips(step)
    for status in sorted(_UNBUILT):
        number = sum(node.status == status for node in step.nodes)
        if number:
            yield f"{_grey('queued')} {counted(number, 'node')} {status}"


def _reused(step: "StepView") -> Iterator[str]:
    """How many nodes were not built again, by the reason that their messages begin with."""
    reused = [node for node in step.nodes if node.status == _REUSED]
    reasons = Counter(node.headline.partition(":")[0] for node in reused if node.kind != "unit_test")
    why = [f"{number:,} {escaped(reason)}" for reason, number in reasons.most_common()]
    if unit_tests := len(reused) - reasons.total():
        why.append(f"{counted(unit_tests, 'unit test')} of theirs")
    if why:
        glyph = look(_REUSED).glyph
        yield f"[cyan]{glyph}[/] {counted(len(reused), 'node')} reused [bright_black]({', '.join(why)})[/]"


def _skips(step: "StepView") -> Iterator[str]:
    causes = [node for node in step.nodes if node.held_back]
    others = {node.unique_id for node in step.nodes if node.status == "skipped"}
    for node in causes:
        # With one cause there is no doubt: whatever was skipped was skipped for it.
        below = others if len(causes) == 1 else others & set(node.held_back)
        others = others - below
        name = escaped(node_name(node.unique_id))
        yield f"{_grey('skipped')} {counted(len(below), 'node')} skipped, downstream of [bold]{name}[/]"
    if others:
        yield f"{_grey('skipped')} {counted(len(others), 'node')} skipped"


def _print_result(view: "RunView", address: str, detail: Detail) -> None:
    run = view.run
    seconds = seconds_between(run.created_at, run.finished_at, view.now) or 0.0
    built = {status: number for status, number in view.counts.items() if status not in _UNBUILT | {_INLINED}}
    facts = [f"{painted(run.status.value)} in [bold]{seconds_text(seconds)}[/]"]
    facts += [f"{number:,} {status}" for status, number in built.items()]
    runners = {node.runner for step in view.steps for node in step.nodes if node.runner}
    if runners:
        facts.append(counted(len(runners), "runner"))
    say("")
    say(" · ".join([*facts, address] if address else facts))
    if view.error:
        say(f"[red]{escaped(view.error)}[/]")
    _print_next(view, detail)


def _print_next(view: "RunView", detail: Detail) -> None:
    run = view.run
    failed = [node for step in view.steps for node in step.failed]
    if not run.status.is_final:
        next_command(f"headgate runs watch {run.run_id}")
    elif run.superseded_by is not None:
        next_command(f"headgate runs view {run.superseded_by}")
    elif run.status.value == "cancelled":
        next_command(f"headgate logs {run.run_id}", f"headgate retry {run.run_id}")
    elif failed:
        next_command(
            f"headgate logs {run.run_id} {node_name(failed[0].unique_id)}", f"headgate retry {run.run_id}"
        )
    elif run.error:
        next_command(f"headgate logs {run.run_id}", f"headgate run {run.job}")
    else:
        more = f"headgate runs view {run.run_id}{'' if detail is Detail.NOTABLE else ' --all'}"
        next_command(*([] if detail is Detail.EVERYTHING else [more]), f"headgate logs {run.run_id}")


def telling(node: "NodeView") -> str:
    """The line that says most: of what went well not what the database answered, but why it was built."""
    if not node.failed and node.status not in ("warn", _REUSED):
        return node.why
    # "Database Error in model x (models/x.sql): reason": the row says which model, so the reason comes first.
    found = _DBT_S_HEAD.fullmatch(node.headline)
    return f"{found['kind']}: {found['reason']} ({found['path']})" if found else node.headline


def _is_quiet(node: "NodeView") -> bool:
    return node.kind in _TESTS and node.status == "pass"


def _is_folded(node: "NodeView") -> bool:
    return node.status in _UNBUILT or node.status in ("skipped", _INLINED)


def _grey(status: str) -> str:
    return f"[bright_black]{look(status).glyph}[/]"
