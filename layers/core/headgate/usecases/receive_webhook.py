"""Verify one inbound message and hand it on; the answer leaves only after it is stored.

Dying between any two writes is harmless: a sender that got no answer sends again, and an event that is stored
but was not handed on is handed on then.
"""

import re
from collections.abc import Mapping

from headgate.domain.inbound import Delivery, Receipt
from headgate.domain.stored_event import event_of_log
from headgate.domain.webhook_secret import secret_name, valid_secrets
from headgate.errors import InputError, NotFoundError, WebhookError
from headgate.ports import Clock, Confirming, EventBus, EventLog, Secrets, WebhookReader, WebhookReaders

MAX_BODY = 256 * 1024
# Strangers write the address: what cannot be a source never becomes the name of a secret or part of a key.
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


def receive_webhook(
    provider: str,
    delivery: Delivery,
    *,
    readers: WebhookReaders,
    events: EventLog,
    bus: EventBus,
    secrets: Secrets,
    clock: Clock,
) -> Receipt:
    """Take one message. Raises WebhookError with the HTTP status of the refusal; then nothing was stored."""
    if len(delivery.body) > MAX_BODY:
        raise WebhookError(413, f"body is larger than {MAX_BODY} bytes")
    now = clock.now()
    reader, values = _verified(provider, delivery, readers, secrets, now)
    event = reader.read(delivery, now)
    if event.is_test:
        return Receipt("test", event.event_id)
    if isinstance(reader, Confirming):
        reader.confirm(event, values)
    if not events.record(
        event.event_id, event_of_log(reader.provider, delivery.origin, event.detail, event.event)
    ):
        return Receipt("duplicate", event.event_id)
    if event.event is None:
        events.mark(event.event_id, "ignored")
        return Receipt("ignored", event.event_id)
    bus.publish(event.event)
    events.mark(event.event_id, "published")
    return Receipt("accepted", event.event_id)


def _verified(
    provider: str, delivery: Delivery, readers: WebhookReaders, secrets: Secrets, now: float
) -> tuple[WebhookReader, Mapping[str, str]]:
    """The address's reader and its secret's values.

    One refusal for everything: an address that exists must not be told from one that does not. What is remembered of
    a secret may be its value of before a rotation, so a refusal asks for it again.
    """
    if _NAME.fullmatch(provider) and _NAME.fullmatch(delivery.origin):
        name = secret_name(provider, delivery.origin)
        try:
            reader = readers.of(provider, delivery.origin)
            for fresh in (False, True):
                values = secrets.get(name, fresh=fresh)
                if _is_authentic(reader, delivery, values, now):
                    return reader, values
        except (NotFoundError, InputError):
            pass
    raise WebhookError(401, "signature refused")


def _is_authentic(reader: WebhookReader, delivery: Delivery, values: Mapping[str, str], now: float) -> bool:
    return any(reader.is_authentic(delivery, secret, now) for secret in valid_secrets(values, now))
