"""What an inbound message means once it is verified, whatever its sender's wire format."""

from dataclasses import dataclass
from enum import StrEnum

from headgate.domain.events import ConnectorSynced


class Meaning(StrEnum):
    """What to do with a verified message."""

    TEST = "test"  # a sender checks the address: answer 2xx, start nothing
    IGNORED = "ignored"  # authentic, but no reason to start anything
    SYNCED = "synced"  # a sync ended well: hand it on


@dataclass(frozen=True, slots=True)
class InboundEvent:
    """A verified message. `event_id` is its deduplication key; `synced` is set when its meaning is SYNCED."""

    event_id: str
    meaning: Meaning
    detail: str
    synced: ConnectorSynced | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a sender: `status` is one of accepted, duplicate, ignored, test."""

    status: str
    event_id: str
