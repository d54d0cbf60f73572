"""Every port's twin, joined: what `bootstrap.World` is with AWS."""

from dataclasses import dataclass, field

from headgate.adapters.memory.activities import MemoryActivities
from headgate.adapters.memory.alert_topic import MemoryAlertTopic
from headgate.adapters.memory.artifact_store import MemoryArtifactStore
from headgate.adapters.memory.build_states import MemoryBuildStates
from headgate.adapters.memory.bundle_store import MemoryBundleStore
from headgate.adapters.memory.clock import MemoryClock
from headgate.adapters.memory.containers import MemoryContainers
from headgate.adapters.memory.event_bus import MemoryEventBus
from headgate.adapters.memory.event_log import MemoryEventLog
from headgate.adapters.memory.freshness import MemoryFreshness
from headgate.adapters.memory.gate_store import MemoryGateStore
from headgate.adapters.memory.history import MemoryHistory
from headgate.adapters.memory.job_store import MemoryJobStore
from headgate.adapters.memory.node_queue import MemoryNodeQueue
from headgate.adapters.memory.notifier import MemoryNotifier
from headgate.adapters.memory.plan_store import MemoryPlanStore
from headgate.adapters.memory.run_store import MemoryRunStore
from headgate.adapters.memory.scheduler import MemoryScheduler
from headgate.adapters.memory.secrets import MemorySecrets
from headgate.adapters.memory.slots import MemorySlots
from headgate.adapters.memory.state_machine import MemoryStateMachine


@dataclass
class MemoryWorld:
    """The same names as bootstrap.World. Each instance is a world of its own."""

    clock: MemoryClock = field(default_factory=MemoryClock)
    jobs: MemoryJobStore = field(default_factory=MemoryJobStore)
    activities: MemoryActivities = field(default_factory=MemoryActivities)
    gates: MemoryGateStore = field(default_factory=MemoryGateStore)
    queue: MemoryNodeQueue = field(default_factory=MemoryNodeQueue)
    bundles: MemoryBundleStore = field(default_factory=MemoryBundleStore)
    artifacts: MemoryArtifactStore = field(default_factory=MemoryArtifactStore)
    plans: MemoryPlanStore = field(default_factory=MemoryPlanStore)
    history: MemoryHistory = field(default_factory=MemoryHistory)
    states: MemoryBuildStates = field(default_factory=MemoryBuildStates)
    freshness: MemoryFreshness = field(default_factory=MemoryFreshness)
    bus: MemoryEventBus = field(default_factory=MemoryEventBus)
    machine: MemoryStateMachine = field(default_factory=MemoryStateMachine)
    containers: MemoryContainers = field(default_factory=MemoryContainers)
    secrets: MemorySecrets = field(default_factory=MemorySecrets)
    slots: MemorySlots = field(default_factory=MemorySlots)
    alerts: MemoryAlertTopic = field(default_factory=MemoryAlertTopic)
    runs: MemoryRunStore = field(init=False)
    events: MemoryEventLog = field(init=False)
    scheduler: MemoryScheduler = field(init=False)

    def __post_init__(self) -> None:
        self.runs = MemoryRunStore(self.clock, self.activities)
        self.events = MemoryEventLog(self.clock)
        self.scheduler = MemoryScheduler(self.clock)
        self._notifiers: dict[str, MemoryNotifier] = {}

    def notifier(self, kind: str) -> MemoryNotifier:
        return self._notifiers.setdefault(kind, MemoryNotifier())
