"""Any sender: how its messages are verified and read is said in headgate.yml (domain/receiver.py)."""

import base64
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from headgate.adapters.webhooks.json_body import json_object
from headgate.adapters.webhooks.signing import hmac_digest, is_same
from headgate.adapters.webhooks.standard import ID_HEADER, is_recent, is_standard
from headgate.domain.events import SignalReceived
from headgate.domain.inbound import Delivery, InboundEvent, body_key, key_part, one_line
from headgate.domain.receiver import Receiver

if TYPE_CHECKING:
    from jsonpath_ng import JSONPath

_PLACES = re.compile(r"(\{timestamp\}|\{body\})")


def sign(receiver: Receiver, timestamp: str, body: bytes, secret: str) -> str:
    """The signature that this receiver expects of an `hmac` sender, prefix included."""
    values = {"{timestamp}": timestamp.encode("utf-8", "replace"), "{body}": body}
    parts = (values.get(part, part.encode()) for part in _PLACES.split(receiver.signed))
    digest = hmac_digest(secret.encode(), b"".join(parts), receiver.algorithm)
    encoded = digest.hex() if receiver.encoding == "hex" else base64.b64encode(digest).decode()
    return receiver.prefix + encoded


class GenericWebhook:
    """Reads one message for a receiver of headgate.yml."""

    provider: Literal["webhook"] = "webhook"

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def is_authentic(self, delivery: Delivery, secret: str, now: float) -> bool:
        receiver = self._receiver
        if receiver.auth == "path":
            return is_same(delivery.token, secret)
        if receiver.auth == "standard":
            return is_standard(delivery, secret, now, receiver.tolerance)
        given = delivery.headers.get(receiver.header.lower(), "").strip()
        if receiver.auth == "header":
            # Some senders let a whole value be set, some only the token of a scheme.
            return is_same(given.removeprefix("Bearer "), secret) | is_same(given, secret)
        return receiver.auth == "hmac" and self._is_signed(delivery, given, secret, now)

    def _is_signed(self, delivery: Delivery, given: str, secret: str, now: float) -> bool:
        receiver, timestamp = self._receiver, ""
        if receiver.timestamp_header:
            timestamp = delivery.headers.get(receiver.timestamp_header.lower(), "").strip()
            if not is_recent(timestamp, now, receiver.tolerance):
                return False
        expected = sign(receiver, timestamp, delivery.body, secret)
        if receiver.encoding == "hex":
            given, expected = given.lower(), expected.lower()
        return is_same(given, expected)

    def read(self, delivery: Delivery, now: float) -> InboundEvent:  # noqa: ARG002 - authenticity knows the time
        """What a verified body means. Raises WebhookError 400 when it is not a JSON object."""
        receiver = self._receiver
        found = json_object(delivery.body)
        status, subject = _text(receiver.status, found), _text(receiver.subject, found)
        event_id = f"webhook/{receiver.name}/{self._key(delivery, found)}"
        told = " ".join(part for part in (subject or receiver.name, status) if part)
        if receiver.status:
            event_id += f"/{key_part(status)}" if status else "/-"
        if receiver.success and status not in receiver.success:
            return InboundEvent(event_id, one_line(f"{told}: not one of {', '.join(receiver.success)}"))
        names = (receiver.name, f"{receiver.name}/{subject}") if subject else (receiver.name,)
        signal = SignalReceived(
            event_id=event_id,
            kind=self.provider,
            origin=receiver.name,
            names=names,
            attributes={"status": status, "subject": subject},
            detail=one_line(told),
        )
        return InboundEvent(event_id, one_line(told), signal)

    def _key(self, delivery: Delivery, found: dict[str, Any]) -> str:
        """What makes this delivery unique: its id, the id that Standard Webhooks signs, or the body itself."""
        if given := _identity(self._receiver.id, found):
            return key_part(given)
        if self._receiver.auth == "standard" and not self._receiver.id:
            return key_part(delivery.headers[ID_HEADER])
        return body_key(delivery.body)


def _text(path: str, found: dict[str, Any]) -> str:
    """The first value there, as one line; nothing: there is none."""
    return one_line(next(iter(_values(path, found)), ""))


def _identity(path: str, found: dict[str, Any]) -> str:
    """All that is there, and whole: what differs anywhere is not the same message."""
    values = _values(path, found)
    return values[0] if len(values) == 1 else json.dumps(values) if values else ""


def _values(path: str, found: dict[str, Any]) -> list[str]:
    """Every value there but null; what is no text as JSON."""
    if not path:
        return []
    try:
        values = [match.value for match in _path(path).find(found)]
    except (RecursionError, TypeError, ValueError, KeyError, IndexError, AttributeError):
        return []  # what the path asks for does not fit what arrived
    told = (
        one if isinstance(one, str) else json.dumps(one, separators=(",", ":"))
        for one in values
        if one is not None
    )
    return list(told)


@lru_cache(maxsize=64)
def _path(path: str) -> "JSONPath":
    # Only a generic receiver needs the parser, which takes as long to import as all other readers together.
    from jsonpath_ng.parser import parse

    return parse(path)
