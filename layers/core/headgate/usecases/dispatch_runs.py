"""Start the executions of runs that wait, the more urgent and then the older ones first, as far as there are places.

Safe at any moment and any number of times: places are taken in one transaction, the execution's name is the run's,
and a run whose execution was never recorded is started again under the same name.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from headgate.domain.run import Run, RunStatus
from headgate.domain.run_queue import CANCEL_RUNNING, Limits, Start
from headgate.errors import HeadgateError
from headgate.ports import EventBus, JobStore, NodeQueue, RunStore, StateMachine
from headgate.usecases.cancel_run import carry_out_cancel
from headgate.usecases.read_limits import read_limits


class DispatchPorts(Protocol):
    """The ports this verb needs."""

    @property
    def runs(self) -> RunStore: ...
    @property
    def jobs(self) -> JobStore: ...
    @property
    def machine(self) -> StateMachine: ...
    @property
    def queue(self) -> NodeQueue: ...
    @property
    def bus(self) -> EventBus: ...


def dispatch_runs(announced: int | None, ports: DispatchPorts) -> list[int]:
    """Dispatch what can start now; returns the run ids whose execution was started.

    announced: the run an event named. The listing of active runs may lag behind it, so it is read by itself.
    One run that cannot be started does not hold up the others; the last failure is raised at the end.
    """
    look = _Look(ports)
    for run in _candidates(announced, ports.runs):
        try:
            look.at(run)
        except HeadgateError as fault:
            look.failure = fault
    if look.failure is not None:
        raise look.failure
    return look.started


def _candidates(announced: int | None, runs: RunStore) -> list[Run]:
    found = {run.run_id: run for run in runs.active_runs()}
    if announced is not None:
        new = found[announced] = found.get(announced) or runs.get_run(announced)
        if new.on_conflict == CANCEL_RUNNING:
            # What is listed of them may be older than the wish to stop them.
            found |= {run_id: runs.get_run(run_id) for run_id in new.supersedes}
    return sorted(found.values(), key=lambda run: run.in_line)


@dataclass
class _Look:
    """One look at all of them. full: where no place is left: nobody asks there again. limits: once read."""

    ports: DispatchPorts
    started: list[int] = field(default_factory=list)
    full: set[tuple[Start, str]] = field(default_factory=set)
    limits: Callable[[Run], Limits] | None = None
    failure: HeadgateError | None = None

    def at(self, run: Run) -> None:
        if run.cancel is not None:
            if run.superseded_by is not None:
                self._stop(run)
        elif run.status is RunStatus.QUEUED:
            if self._has_room(run) and self._takes_slot(run):
                self._start(run)
        elif run.status is RunStatus.STARTING and run.execution_arn is None:
            self._start(run)

    def _stop(self, run: Run) -> None:
        """Another run takes its place (on_conflict: cancel_running): whoever made that one may not stop executions."""
        ports = self.ports
        carry_out_cancel(run, runs=ports.runs, machine=ports.machine, queue=ports.queue, bus=ports.bus)

    def _start(self, run: Run) -> None:
        self.ports.runs.record_execution(run.run_id, self.ports.machine.start(run))
        self.started.append(run.run_id)

    def _has_room(self, run: Run) -> bool:
        return self.full.isdisjoint(_places(run))

    def _takes_slot(self, run: Run) -> bool:
        answer = self.ports.runs.take_slot(run, self._limits_of(run))
        self.full |= {place for place in _places(run) if place[0] is answer}
        return bool(answer)

    def _limits_of(self, run: Run) -> Limits:
        if self.limits is None:
            self.limits = read_limits(self.ports.jobs)
        return self.limits(run)


def _places(run: Run) -> set[tuple[Start, str]]:
    return {
        (Start.JOB_FULL, run.job),
        (Start.ENVIRONMENT_FULL, run.environment),
        (Start.ACCOUNT_FULL, ""),
    }
