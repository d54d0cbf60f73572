"""Watching a run: bars on a terminal, else one line per event. Only the table is asked, about twice a second."""

import time
from collections import Counter
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from headgate_cli.moments import seconds_between
from headgate_cli.output import escaped, look, note, notes, painted, seconds_text
from headgate_cli.report import first_line
from headgate_cli.snapshot import Row, Snapshot, take

if TYPE_CHECKING:
    from headgate.bootstrap import World

POLL_SECONDS = 0.5
# A step of thousands of nodes takes longer to read than to wait for: reading stays a tenth of the time.
READING_SHARE = 10


class WatchTimedOutError(Exception):
    """The run was not over in time; it goes on."""


class Audience(AbstractContextManager["Audience"], Protocol):
    """Whoever is shown each snapshot."""

    def show(self, snapshot: Snapshot, now: float) -> None: ...


def watch(world: "World", run_id: int, timeout: float | None = None) -> Snapshot:
    """Show a run until it is final; returns it then. Raises WatchTimedOutError."""
    until = None if timeout is None else world.clock.now() + timeout
    snapshot: Snapshot | None = None
    with _Bars() if notes().is_terminal else _Lines() as audience:
        while True:
            asked = time.perf_counter()
            snapshot = take(world, run_id, snapshot)
            audience.show(snapshot, world.clock.now())
            if snapshot.run.status.is_final:
                return take(world, run_id)
            if until is not None and world.clock.now() >= until:
                raise WatchTimedOutError(f"run {run_id} is still {snapshot.run.status} after {timeout:g} s")
            world.clock.sleep(max(POLL_SECONDS, READING_SHARE * (time.perf_counter() - asked)))


class _Lines(Audience):
    """One line per event: the run's status, each node that ended. Skipped ones are told by the table at the end."""

    def __init__(self) -> None:
        self._status = ""
        self._steps: set[int] = set()
        self._told: set[tuple[int, str]] = set()

    def __exit__(self, *_: Any) -> None:
        return None

    def show(self, snapshot: Snapshot, now: float) -> None:
        at = _since(snapshot, now)
        if snapshot.run.status.value != self._status:
            self._status = snapshot.run.status.value
            note(
                f"{at}  {painted(self._status)}  [bright_black]run {snapshot.run.run_id} of {snapshot.run.job}[/]"
            )
        for step in snapshot.steps:
            if step.record is not None and step.number not in self._steps:
                self._steps.add(step.number)
                note(f"{at}  [bright_black]step {step.number}  {escaped(step.command)}: {step.total} nodes, "
                     f"{step.record.runners} runners[/]")  # fmt: skip
        ended = [
            row for row in snapshot.rows if row.is_done and (row.step, row.record.unique_id) not in self._told
        ]
        for row in sorted(ended, key=lambda row: row.record.finished_at or ""):
            self._told.add((row.step, row.record.unique_id))
            if row.status != "skipped":
                note(f"{at}  {_event(row)}")


def _event(row: Row) -> str:
    seconds = seconds_text(row.seconds) if row.seconds is not None else ""
    told = first_line(row)
    line = f"{painted(row.status)}  {escaped(row.name)}  [bright_black]{seconds}  runner {row.runner}[/]"
    return f"{line}  {escaped(told)}" if told else line


def _since(snapshot: Snapshot, now: float) -> str:
    return f"[bright_black]{seconds_between(snapshot.run.created_at, None, now) or 0.0:6.1f} s[/]"


class _Bars(Audience):
    """One bar for the run, one for each runner with what it builds now."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28, complete_style="blue", finished_style="green"),
            TextColumn("{task.fields[count]:>9}"),
            TextColumn("{task.fields[text]}"),
            console=notes(),
            transient=True,
            expand=True,
        )
        self._run = self._progress.add_task("", total=None, count="", text="")
        self._runners: dict[int, Any] = {}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._progress.stop()

    def show(self, snapshot: Snapshot, now: float) -> None:
        step = snapshot.current
        rows = step.rows
        done = sum(row.is_done for row in rows)
        run = snapshot.run
        of_steps = f" step {step.number}/{len(snapshot.steps)}" if len(snapshot.steps) > 1 else ""
        self._progress.update(
            self._run,
            description=f"[bold]run {run.run_id}[/] {escaped(run.job)}{of_steps}",
            total=step.total or None,
            completed=done,
            count=f"{done}/{step.total}" if step.total else "",
            text=f"{_since(snapshot, now)}  {_tally(rows) or painted(run.status.value)}",
        )
        for runner in range(1, (step.record.runners if step.record else 0) + 1):
            self._show_runner(runner, rows, step.total)

    def _show_runner(self, runner: int, rows: list[Row], total: int) -> None:
        if runner not in self._runners:
            self._runners[runner] = self._progress.add_task(
                f"  runner {runner}", total=None, count="", text=""
            )
        mine = [row for row in rows if row.runner == runner]
        building = [row.name for row in mine if row.status == "running"]
        done = sum(row.is_done for row in mine)
        text = escaped(", ".join(building[:3])) + (f" +{len(building) - 3}" if len(building) > 3 else "")
        self._progress.update(self._runners[runner], total=total, completed=done, count=str(done), text=text)


def _tally(rows: list[Row]) -> str:
    counts = Counter(row.status for row in rows if row.is_done)
    return "  ".join(
        f"[{look(status).colour}]{look(status).glyph} {number}[/]" for status, number in counts.items()
    )
