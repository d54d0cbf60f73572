"""One runner's share of a step: everything its parts need to know of each other."""

from dataclasses import dataclass
from typing import Protocol

from headgate.domain import queue
from headgate.domain.plan import Plan
from headgate.domain.queue import void_epochs
from headgate.domain.slots import Holder
from headgate.errors import LeaseLostError
from headgate.ports import (
    ArtifactStore,
    BuildStates,
    BundleStore,
    Clock,
    JobStore,
    NodeQueue,
    PlanStore,
    RunStore,
    Secrets,
    Slots,
)
from headgate.usecases.run_nodes import QueueSession
from headgate_runner.log_stream import LogStream
from headgate_runner.redaction import Redactor
from headgate_runner.settings import RunnerSettings
from headgate_runner.supervision import Supervision


class World(Protocol):
    """The ports that a runner uses, of all those that `headgate.bootstrap.World` has."""

    @property
    def runs(self) -> RunStore: ...

    @property
    def jobs(self) -> JobStore: ...

    @property
    def queue(self) -> NodeQueue: ...

    @property
    def bundles(self) -> BundleStore: ...

    @property
    def artifacts(self) -> ArtifactStore: ...

    @property
    def plans(self) -> PlanStore: ...

    @property
    def secrets(self) -> Secrets: ...

    @property
    def slots(self) -> Slots: ...

    @property
    def states(self) -> BuildStates: ...

    @property
    def clock(self) -> Clock: ...


@dataclass(frozen=True, slots=True)
class Share:
    """What a runner works on, with what, and whom it tells."""

    settings: RunnerSettings
    plan: Plan
    session: QueueSession
    world: World
    redactor: Redactor
    log: LogStream
    supervision: Supervision

    @property
    def tag(self) -> str:
        """How this attempt's sessions are called on the warehouse: run, step, runner and epoch."""
        return self._tag(self.settings.runner, self.session.epoch)

    def void_tags(self) -> list[str]:
        """How the sessions of lost attempts were called: whatever they still have open has no right to be there."""
        lost = void_epochs(self.world.queue.runners(self.plan.run_id, self.plan.step))
        return [self._tag(runner, epoch) for runner, below in lost.items() for epoch in range(1, below)]

    def tag_of(self, holder: str) -> str | None:
        """How the sessions of this holder of a relation were called, whichever run it is of. None: it names nobody."""
        found = Holder.parse(holder)
        if found is None:
            return None
        return f"headgate-run-{found.run_id}.{found.step}.{found.runner}.{found.epoch}"

    def lease_fault(self) -> LeaseLostError | None:
        """Says when the lease is so near its end that this runner's dbt must stop. Asks nobody, waits for nobody."""
        if self.world.clock.now() <= self.session.until - queue.FENCE_SECONDS:
            return None
        return LeaseLostError(f"the lease of runner {self.settings.runner} could not be renewed in time")

    def check_lease(self) -> None:
        """Raises LeaseLostError as `lease_fault` says. Before each statement that is sent to the warehouse."""
        fault = self.lease_fault()
        if fault is not None:
            raise fault

    def _tag(self, runner: int, epoch: int) -> str:
        return f"headgate-run-{self.plan.run_id}.{self.plan.step}.{runner}.{epoch}"
