"""One runner's share of a step: everything its parts need to know of each other."""

from dataclasses import dataclass
from typing import Protocol

from headgate.domain.plan import Plan
from headgate.ports import (
    ArtifactStore,
    BundleStore,
    Clock,
    JobStore,
    NodeQueue,
    PlanStore,
    RunStore,
    Secrets,
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
        """How this run's sessions are called on the warehouse."""
        return f"headgate-run-{self.plan.run_id}"
