"""How a run reads on a terminal: a head, a table of its nodes with what is quiet folded away, one line of result."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from headgate_cli.moments import seconds_between
from headgate_cli.output import (
    console,
    counted,
    escaped,
    look,
    next_command,
    painted,
    say,
    seconds_text,
    table,
)
from headgate_cli.snapshot import Row, Snapshot, Step, node_name, skips

if TYPE_CHECKING:
    from rich.table import Table

    from headgate.bootstrap import World
    from headgate.domain.run import Run

_TESTS = frozenset({"test", "unit_test"})
_ORDER = {"error": 3, "fail": 3, "runtime error": 3, "partial success": 3, "warn": 2, "skipped": 4}


def print_report(world: "World", snapshot: Snapshot, *, everything: bool = False) -> None:
    """Head, table, result, and what to type next. `everything`: fold nothing."""
    print_head(snapshot.run)
    for step in snapshot.steps:
        if len(snapshot.steps) > 1:
            say(f"\n[bold]step {step.number}[/]  {escaped(step.command)}")
        _print_step(world, step, everything)
    print_result(snapshot, world.clock.now())


def print_head(run: "Run") -> None:
    """What ran, where, of which bundle, and why."""
    say(f"[bold]run {run.run_id}[/] · {run.job} · {run.environment} · bundle {run.bundle[:12] or '(none)'}")
    cause = run.cause.kind + (f": {run.cause.detail}" if run.cause.detail else "")
    say(f"[bright_black]caused by {escaped(cause)}[/]")
    if len(run.steps) == 1:
        say(f"[bright_black]{escaped(run.steps[0])}[/]")


def _print_step(world: "World", step: Step, everything: bool) -> None:
    if step.record is None:
        return
    rows = sorted((row for row in step.rows if row.is_done), key=_place)
    quiet = [] if everything else [row for row in rows if _is_quiet(row)]
    shown = [row for row in rows if row not in quiet and (everything or row.status != "skipped")]
    if shown:
        say("")
        console().print(_table(shown))
    for line in _folded(world, step, quiet, everything):
        say(line)


def _table(rows: Iterable[Row]) -> "Table":
    shown = table("", "node", "status", "time", "runner", "message", right=("time", "runner"))
    for row in rows:
        mark = look(row.status)
        name = (
            row.name
            if row.record.resource_type not in _TESTS
            else f"[bright_black]test[/] {escaped(row.name)}"
        )
        shown.add_row(
            f"[{mark.colour}]{mark.glyph}[/]",
            name,
            f"[{mark.colour}]{row.status}[/]",
            seconds_text(row.seconds) if row.seconds is not None else "",
            str(row.runner or ""),
            escaped(first_line(row)),
        )
    return shown


def _folded(world: "World", step: Step, quiet: list[Row], everything: bool) -> Iterator[str]:
    if quiet:
        seconds = sum(row.seconds or 0.0 for row in quiet)
        yield f"[green]✓[/] {counted(len(quiet), 'test')} passed [bright_black]· {seconds_text(seconds)} together[/]"
    if not everything:
        for cause, rows in skips(world, step).by_cause.items():
            why = f", downstream of [bold]{escaped(cause)}[/]" if cause else ""
            yield f"[bright_black]{look('skipped').glyph}[/] {counted(len(rows), 'node')} skipped{why}"
    waiting = [row for row in step.rows if row.status in ("waiting", "ready")]
    running = [row for row in step.rows if row.status == "running"]
    if running:
        yield f"[blue]▸[/] building now: {escaped(', '.join(row.name for row in running))}"
    if waiting:
        yield f"[bright_black]…[/] {counted(len(waiting), 'node')} not started"
    if step.record is not None and step.total == 0:
        yield "[bright_black]nothing to build: the selection matches no node[/]"


def print_result(snapshot: Snapshot, now: float) -> None:
    """The last line of data, and the next command."""
    run = snapshot.run
    seconds = seconds_between(run.created_at, run.finished_at, now) or 0.0
    facts = [f"{painted(run.status.value)} [bold]in {seconds_text(seconds)}[/]"]
    facts += [f"{number} {status}" for status, number in _counts(snapshot).most_common()]
    runners = max((step.record.runners for step in snapshot.steps if step.record), default=0)
    if runners:
        facts.append(counted(runners, "runner"))
    say("")
    say(" · ".join(facts))
    failed = [row for row in snapshot.rows if row.failed]
    if run.error and not failed:
        say(f"[red]{escaped(run.error)}[/]")
    if not run.status.is_final:
        next_command(f"headgate runs watch {run.run_id}")
    elif failed:
        next_command(f"headgate logs {run.run_id} {failed[0].name}", f"headgate run {run.job}")
    elif run.error:
        next_command(f"headgate logs {run.run_id}", f"headgate run {run.job}")
    else:
        next_command(f"headgate runs view {run.run_id} --all", f"headgate logs {run.run_id}")


def _counts(snapshot: Snapshot) -> Counter[str]:
    return Counter(row.status for row in snapshot.rows if row.is_done)


def _is_quiet(row: Row) -> bool:
    return row.record.resource_type in _TESTS and row.status == "pass"


def _place(row: Row) -> tuple[int, str, str]:
    """Failures last, where the eye is when the table has scrolled past."""
    return _ORDER.get(row.status, 1), row.record.finished_at or "~", row.record.unique_id


def first_line(row: Row) -> str:
    """The line of a message that says most; dbt's `SELECT 12` and `CREATE VIEW` say nothing."""
    from headgate.domain.alerts import first_line as most_telling

    return most_telling(row.message) if row.failed or row.status == "warn" else ""


__all__ = ["first_line", "node_name", "print_head", "print_report", "print_result"]
