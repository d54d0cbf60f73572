"""The in-memory twin of every port: for tests, the simulator and nothing else. No sockets, no real clock."""

from headgate.adapters.memory.alert_topic import MemoryAlertTopic
from headgate.adapters.memory.artifact_store import MemoryArtifactStore
from headgate.adapters.memory.bundle_store import MemoryBundleStore
from headgate.adapters.memory.clock import MemoryClock
from headgate.adapters.memory.containers import MemoryContainers
from headgate.adapters.memory.event_bus import MemoryEventBus
from headgate.adapters.memory.event_log import MemoryEventLog
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
from headgate.adapters.memory.world import MemoryWorld

__all__ = [
    "MemoryAlertTopic",
    "MemoryArtifactStore",
    "MemoryBundleStore",
    "MemoryClock",
    "MemoryContainers",
    "MemoryEventBus",
    "MemoryEventLog",
    "MemoryGateStore",
    "MemoryHistory",
    "MemoryJobStore",
    "MemoryNodeQueue",
    "MemoryNotifier",
    "MemoryPlanStore",
    "MemoryRunStore",
    "MemoryScheduler",
    "MemorySecrets",
    "MemorySlots",
    "MemoryStateMachine",
    "MemoryWorld",
]
