"""What use cases need of the world, as small Protocols. Each has an AWS adapter and an in-memory twin.

The same contract tests run against both (tests/contract). Methods that can lose a race say so in their
return value; the only errors are those of errors.py.
"""

from headgate.ports.clock import Clock
from headgate.ports.events import AlertTopic, EventBus, EventLog, Notifier
from headgate.ports.files import ArtifactStore, BundleStore, PlanStore
from headgate.ports.gates import GateStore
from headgate.ports.jobs import Activities, JobStore, Scheduler
from headgate.ports.knowledge import BuildStates, Freshness, History
from headgate.ports.node_queue import NodeQueue, Slots
from headgate.ports.runs import Containers, RunStore, StateMachine
from headgate.ports.secrets import Secrets
from headgate.ports.webhooks import Confirming, WebhookReader, WebhookReaders

__all__ = [
    "Activities",
    "AlertTopic",
    "ArtifactStore",
    "BuildStates",
    "BundleStore",
    "Clock",
    "Confirming",
    "Containers",
    "EventBus",
    "EventLog",
    "Freshness",
    "GateStore",
    "History",
    "JobStore",
    "NodeQueue",
    "Notifier",
    "PlanStore",
    "RunStore",
    "Scheduler",
    "Secrets",
    "Slots",
    "StateMachine",
    "WebhookReader",
    "WebhookReaders",
]
