"""Watching a run: bars on a terminal, else one line per event. Only the table is asked, about twice a second."""

import time
from collections import Counter
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from headgate.usecases.view_run import view_run
from headgate_cli.described import node_name
from headgate_cli.moments import seconds_between
from headgate_cli.output import counted, escaped, look, note, notes, painted, seconds_text
from headgate_cli.report import telling

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.run_view import NodeView, RunView, StepView

POLL_SECONDS, LONGEST_POLL_SECONDS = 0.5, 3.0
# A step of thousands of nodes takes a while to read: reading stays a quarter of the time.
READING_SHARE = 3
_PENDING = frozenset({"waiting", "ready", "running", "not run", "never finished"})


class WatchTimedOutError(Exception):
    """The run was not over in time; it goes on."""


class Audience(AbstractContextManager["Audience"], Protocol):
    """Whoever is shown the run, time and again."""

    def show(self, view: "RunView") -> None: ...


def look_at(world: "World", run_id: int) -> "RunView":
    """A run as it is now."""
    return view_run(
        run_id,
        runs=world.runs,
        queue=world.queue,
        plans=world.plans,
        clock=world.clock,
        jobs=world.jobs,
    )


def watch(world: "World", run_id: int, timeout: float | None = None) -> "RunView":
    """Show a run until it is final; returns it then. Raises WatchTimedOutError after `timeout` seconds."""
    until = None if timeout is None else world.clock.now() + timeout
    with _Bars() if notes().is_terminal else _Lines() as audience:
        while True:
            asked = time.perf_counter()
            view = look_at(world, run_id)
            audience.show(view)
            if view.run.status.is_final:
                return view
            if until is not None and world.clock.now() >= until:
                raise WatchTimedOutError(f"run {run_id} is still {view.run.status.value} after {timeout:g} s")
            took = time.perf_counter() - asked
            world.clock.sleep(min(max(POLL_SECONDS, READING_SHARE * took), LONGEST_POLL_SECONDS))


class _Lines(Audience):
    """One line per event: the run's status, each node that was built or says something.

    Passed tests and skipped nodes are told at the end, folded; reused ones are counted.
    """

    def __init__(self) -> None:
        self._status = ""
        self._steps: set[int] = set()
        self._told: set[tuple[int, str]] = set()
        self._cancel: str | None = None
        self._waits_for: int | None = None

    def __exit__(self, *_: Any) -> None:
        note("")

    def show(self, view: "RunView") -> None:
        at, run = _since(view), view.run
        if not run.status.is_final:
            self._show_status(at, view)
        for step in view.steps:
            if step.planned and step.number not in self._steps:
                self._steps.add(step.number)
                count = f": {len(step.nodes)} nodes" if step.nodes or step.turn is None else ""
                note(f"{at}  [bright_black]step {step.number}  {escaped(step.command)}{count}[/]")
                reused = sum(node.status == "reused" for node in step.nodes)
                if reused:
                    note(f"{at}  {painted('reused')}   {counted(reused, 'node')} as before")
            for node in step.nodes:
                self._show_node(at, step.number, node)
        if run.status.is_final:
            self._show_status(at, view)

    def _show_status(self, at: str, view: "RunView") -> None:
        if view.run.status.value != self._status:
            self._status = view.run.status.value
            note(f"{at}  {painted(self._status)}  [bold]run {view.run.run_id} of {view.run.job}[/]")
        if view.wait is not None and view.wait.waits_for != self._waits_for:
            self._waits_for = view.wait.waits_for
            note(f"{at}  [bright_black]{escaped(view.wait.sentence)}[/]")
        if view.run.cancel != self._cancel and not view.run.status.is_final:
            self._cancel = view.run.cancel
            note(f"{at}  {painted('cancelled')}  {escaped(view.run.cancel or '')}: its runners are leaving")

    def _show_node(self, at: str, step: int, node: "NodeView") -> None:
        key = (step, node.unique_id)
        if node.status in _PENDING or key in self._told:
            return
        self._told.add(key)
        if node.status in ("skipped", "done", "pass", "reused"):
            return
        took = seconds_text(node.seconds) if node.seconds is not None else ""
        name = escaped(node_name(node.unique_id))
        padding = " " * max(0, len("success") - len(node.status))
        # Nobody built what is reused: a test that warned warns again.
        by = f"{took}  runner {node.runner}" if node.runner else ""
        line = f"{at}  {painted(node.status)}{padding}  {name}  [bright_black]{by}[/]"
        note(f"{line}  {escaped(telling(node))}".rstrip())


def _waiting(view: "RunView") -> str:
    return f"  [bright_black]{escaped(view.wait.sentence)}[/]" if view.wait is not None else ""


def _since(view: "RunView") -> str:
    seconds = seconds_between(view.run.created_at, view.run.finished_at, view.now) or 0.0
    return f"[bright_black]{seconds:6.1f} s[/]"


class _Bars(Audience):
    """One bar for the run, one for each runner with what it builds now."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        self._progress = Progress(
            TextColumn("{task.description}", table_column=Column(min_width=18, no_wrap=True)),
            BarColumn(bar_width=28, complete_style="blue", finished_style="green"),
            TextColumn(
                "{task.fields[count]}", table_column=Column(min_width=9, justify="right", no_wrap=True)
            ),
            TextColumn("{task.fields[text]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=notes(),
            transient=True,
            auto_refresh=False,
        )
        self._run = self._add()
        self._runners: dict[int, Any] = {}

    def _add(self) -> Any:
        return self._progress.add_task("", total=None, count="", text="")

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._progress.stop()

    def show(self, view: "RunView") -> None:
        run, step = view.run, _current(view)
        total, done = len(step.nodes), _done(step.nodes)
        of_steps = f" · step {step.number} of {len(view.steps)}" if len(view.steps) > 1 else ""
        self._progress.update(
            self._run,
            description=f"[bold]run {run.run_id}[/] {escaped(run.job)}{of_steps}",
            total=total or None,
            completed=done,
            count=f"{done}/{total}" if total else "",
            text=f"{_since(view)}  {_tally(step) or painted(run.status.value)}{_waiting(view)}",
        )
        for runner in range(1, max((node.runner or 0 for node in step.nodes), default=0) + 1):
            self._show_runner(runner, [node for node in step.nodes if node.runner == runner], total)
        self._progress.refresh()

    def _show_runner(self, runner: int, mine: "list[NodeView]", total: int) -> None:
        if runner not in self._runners:
            self._runners[runner] = self._add()
        building = [node_name(node.unique_id) for node in mine if node.status == "running"]
        more = f" +{len(building) - 3}" if len(building) > 3 else ""
        self._progress.update(
            self._runners[runner],
            description=f"  runner {runner}",
            total=total,
            completed=_done(mine),
            count=str(_done(mine)),
            text=escaped(", ".join(building[:3])) + more,
        )


def _current(view: "RunView") -> "StepView":
    """The last step that was planned, else the first."""
    return next((step for step in reversed(view.steps) if step.planned), view.steps[0])


def _done(nodes: "tuple[NodeView, ...] | list[NodeView]") -> int:
    return sum(node.status not in _PENDING for node in nodes)


def _tally(step: "StepView") -> str:
    ended = [node.status for node in step.nodes if node.status not in _PENDING | {"done"}]
    counts = Counter(look(status) for status in ended)
    return "  ".join(f"[{shown.colour}]{shown.glyph} {number}[/]" for shown, number in counts.items())
