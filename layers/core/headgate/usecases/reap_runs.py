"""Once a minute: what was lost between events, runners and executions goes on or ends. It remembers nothing.

Everything here is done by somebody else as well, sooner and at its own place; this finds what fell between them: an
announcement or a status event that never arrived, a container that never came up, a cancel whose asker died, claims
and places of runners that are lost.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from headgate.domain.execution import Container
from headgate.domain.outcome import fault_text
from headgate.domain.queue import REAPER_MARGIN_SECONDS, RunnerRecord
from headgate.domain.run import Run, RunStatus
from headgate.errors import NotFoundError
from headgate.ports import Clock, Containers, NodeQueue, PlanStore, RunStore, Slots, StateMachine
from headgate.usecases.cancel_run import carry_out_cancel
from headgate.usecases.finalize_run import FinalizeRun
from headgate.usecases.free_slots import free_slots
from headgate.usecases.stop_run import current_step
from headgate.usecases.watch_leases import take_over

# How long a container may take from its creation to its lease.
START_SECONDS = 180.0
# How long a look may go on taking over: the next one begins then.
LOOK_SECONDS = 60.0
# ECS' words for a container whose process does not exist yet: whatever lease there is, it is not this one's.
_NOT_YET_RUNNING = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reaped:
    """What was done. started, ended: runs; taken_over: nodes; stopped: containers; freed: holders of places."""

    started: tuple[int, ...] = ()
    ended: tuple[int, ...] = ()
    taken_over: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    freed: tuple[str, ...] = ()

    def to_log(self) -> dict[str, list[object]]:
        """Only what there was to do."""
        return {name: list(done) for name, done in asdict(self).items() if done}


def reap_runs(
    *,
    runs: RunStore,
    queue: NodeQueue,
    plans: PlanStore,
    machine: StateMachine,
    containers: Containers,
    slots: Slots,
    clock: Clock,
    finalize: FinalizeRun,
    dispatch: Callable[[], list[int]],
) -> Reaped:
    """Look after every active run, every container and every place in a pool. Safe to repeat, beside anybody.

    dispatch: starts what can start now (dispatch_runs). What goes wrong with one run or container does not hold up
    the others; the last failure is raised at the end. Taking over ends with the minute: only that reads every node
    of a run.
    """
    began = clock.now()
    look = _Look(runs, queue, plans, machine, containers, slots, clock, finalize)
    started = look.attempt(dispatch) or []
    active = look.attempt(runs.active_runs) or []
    ended = [run.run_id for run in active if look.attempt(look.look_after, run)]
    stopped = look.attempt(look.stop_containers) or []
    freed: list[str] = []
    for run in look.attempt(runs.unannounced) or []:
        freed += look.attempt(look.announce, run) or []
    for run in _from_elsewhere(look.building, began):
        if clock.now() < began + LOOK_SECONDS:
            look.attempt(look.take_over, run)
    for environment in sorted({run.environment for run in active}):
        freed += look.attempt(look.free, environment) or []
    if look.failure is not None:
        raise look.failure
    return Reaped(tuple(started), tuple(ended), tuple(look.taken_over), tuple(stopped), tuple(freed))


def _from_elsewhere(runs: list[Run], now: float) -> list[Run]:
    """The same runs, begun at another one each minute, so that none is always left out."""
    # Multiples of the golden ratio's fraction spread evenly over any number of runs.
    start = int(now // LOOK_SECONDS * 0.618034 % 1 * len(runs))
    return runs[start:] + runs[:start]


@dataclass
class _Look:
    """The look of one minute. building: runs whose execution goes on; failure: the last thing that went wrong."""

    runs: RunStore
    queue: NodeQueue
    plans: PlanStore
    machine: StateMachine
    containers: Containers
    slots: Slots
    clock: Clock
    finalize: FinalizeRun
    building: list[Run] = field(default_factory=list)
    taken_over: list[str] = field(default_factory=list)
    failure: Exception | None = None

    def attempt(self, act: Callable[..., T], *arguments: object) -> T | None:
        """None: it went wrong."""
        try:
            return act(*arguments)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the other runs have nothing to do with it
            self.failure = fault
            return None

    def look_after(self, listed: Run) -> bool:
        """Whether the run was ended here."""
        run = self.runs.get_run(listed.run_id)  # the listing lags behind
        if run.status.is_final:
            return False
        execution = self.machine.status(run) if run.status is not RunStatus.QUEUED else None
        if execution is not None and execution.is_over:
            cause = fault_text(execution.error, execution.cause)
            self.finalize.after_execution(run.run_id, execution.status, cause)
            return True
        if run.cancel is not None:
            return self._cancel(run).status.is_final
        if execution is not None:
            self.building.append(run)
        elif run.execution_arn is not None:
            # It was recorded, and Step Functions does not know it (yet): the name keeps it from starting twice.
            self.machine.start(run)
        return False

    def announce(self, run: Run) -> list[str]:
        """The places that were given back: whoever ended the run came to neither."""
        return self.finalize.announce(run)

    def _cancel(self, run: Run) -> Run:
        return carry_out_cancel(
            run, runs=self.runs, machine=self.machine, queue=self.queue, bus=self.finalize.bus
        )

    def take_over(self, run: Run) -> None:
        # Before its step is planned there is no lease; planning has retries and a time limit of its own.
        step = current_step(run, self.queue)
        self.taken_over += take_over(run.run_id, step, self.clock.now(), queue=self.queue, plans=self.plans)

    def stop_containers(self) -> list[str]:
        """The ARNs of those that were told to stop."""
        found = self.containers.running()
        return [container.arn for container in found if self.attempt(self._stop_if_lost, container)]

    def _stop_if_lost(self, container: Container) -> bool:
        reason = self._lost(container)
        if reason is not None:
            self.containers.stop(container.arn, reason)
        return reason is not None

    def _lost(self, container: Container) -> str | None:
        """Why this container is to be stopped; None: it is not."""
        try:
            run = self.runs.get_run(container.run_id)
        except NotFoundError:
            return None  # not one of ours, whatever its numbers say
        if run.status.is_final:
            self.machine.stop(run, "the run is over")
            return f"run {run.run_id} is over"
        if container.step < current_step(run, self.queue):
            return f"step {container.step} of run {run.run_id} is over"
        now = self.clock.now()
        leases = self.queue.runners(container.run_id, container.step)
        if now - container.created_at <= START_SECONDS or has_begun(container, leases, now):
            return None
        return f"no lease within {START_SECONDS:.0f} s of its creation"

    def free(self, environment: str) -> list[str]:
        return free_slots(environment, slots=self.slots, queue=self.queue, is_over=self._is_over)

    def _is_over(self, run_id: int) -> bool:
        try:
            return self.runs.get_run(run_id).status.is_final
        except NotFoundError:
            return True


def has_begun(container: Container, leases: Iterable[RunnerRecord], now: float) -> bool:
    """Whether this container has taken its runner's lease, rather than the attempt before it.

    Runners' clocks may be five minutes off. So a lease counts that may still be alive, and for as long one that ended
    and was taken after the container was made: by a clock that is fast, the attempt before it did that as well.
    """
    if container.status in _NOT_YET_RUNNING:
        return False
    own = (lease for lease in leases if lease.runner == container.runner)
    return any(
        lease.until + REAPER_MARGIN_SECONDS >= now
        and (not lease.ended or lease.taken_at >= container.created_at)
        for lease in own
    )
