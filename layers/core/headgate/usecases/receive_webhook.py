"""Verify one inbound message and hand it on; the answer leaves only after it is stored.

Dying between any two writes is harmless: a sender that got no answer sends again, and an event that is stored
but was not handed on is handed on then.
"""

import re
from collections.abc import Mapping
from typing import Protocol

from headgate.domain.inbound import InboundEvent, Meaning, Receipt
from headgate.errors import NotFoundError, WebhookError
from headgate.ports import Clock, EventBus, EventLog, Secrets

MAX_BODY = 256 * 1024
# Strangers write the address: what cannot be a source never becomes the name of a secret or part of a key.
_SOURCE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class WebhookReader(Protocol):
    """One sender's wire format."""

    @property
    def provider(self) -> str: ...

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> None: ...

    def read(self, origin: str, body: bytes, now: float) -> InboundEvent: ...


def receive_webhook(
    reader: WebhookReader,
    origin: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    events: EventLog,
    bus: EventBus,
    secrets: Secrets,
    clock: Clock,
) -> Receipt:
    """Take one message. Raises WebhookError with the HTTP status of the refusal; then nothing was stored."""
    if len(body) > MAX_BODY:
        raise WebhookError(413, f"body is larger than {MAX_BODY} bytes")
    reader.verify(headers, body, _secret(reader.provider, origin, secrets))
    event = reader.read(origin, body, clock.now())
    if event.meaning is Meaning.TEST:
        return Receipt("test", event.event_id)
    if not events.record(
        event.event_id, {"provider": reader.provider, "origin": origin, "detail": event.detail}
    ):
        return Receipt("duplicate", event.event_id)
    if event.synced is None:
        events.mark(event.event_id, "ignored")
        return Receipt("ignored", event.event_id)
    bus.publish(event.synced)
    events.mark(event.event_id, "published")
    return Receipt("accepted", event.event_id)


def _secret(provider: str, origin: str, secrets: Secrets) -> str:
    # One answer to everything: an address that exists must not be told from one that does not. An empty secret
    # is none: anybody could sign with it.
    if _SOURCE.fullmatch(origin):
        try:
            if secret := secrets.get(f"webhooks/{provider}/{origin}").get("secret"):
                return secret
        except NotFoundError:
            pass
    raise WebhookError(401, "signature refused")
