"""What an inbound message is, and what it means once it is verified, whatever its sender's wire format."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from headgate.domain.events import ConnectorSynced, SignalReceived

# What can stand in a record's key as it is: one byte each, and few of them.
_PLAIN = re.compile(r"[!-~]{1,200}")
LONGEST_LINE = 500


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to `/webhooks/<provider>/<origin>[/<token>]`, as it arrived.

    headers: their names in lower case. Headers, body and token may hold secrets: they are never shown.
    """

    origin: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class InboundEvent:
    """A verified message. `event_id` is its deduplication key, `detail` one line for a person.

    event: what goes on the bus; None: authentic, but no reason to start anything. is_test: a sender checks the
    address; it gets its answer and leaves nothing.
    """

    event_id: str
    detail: str
    event: ConnectorSynced | SignalReceived | None = None
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a sender: `status` is one of accepted, duplicate, ignored, test."""

    status: str
    event_id: str


def key_part(text: str) -> str:
    """Somebody else's text as part of a deduplication key: as it is, or its digest where a key cannot hold it."""
    return text if _PLAIN.fullmatch(text) else body_key(text.encode("utf-8", "replace"))


def body_key(body: bytes) -> str:
    """A deduplication key for what has no better one: the same bytes are the same message."""
    return hashlib.sha256(body).hexdigest()[:32]


def one_line(text: str) -> str:
    """Somebody else's text for a person: no control characters, and no more than a line holds."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"
