"""Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

`webhook-signature` holds one or several signatures, apart by spaces: `v1,` and the base64 HMAC-SHA256 of
`<webhook-id>.<webhook-timestamp>.<body>`. The secret is `whsec_` and base64.
"""

import base64
import binascii

from headgate.adapters.webhooks.signing import hmac_digest, is_same
from headgate.domain.inbound import Delivery

ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
TOLERANCE = 300.0
# A sender that rotates its secret signs with two; nobody needs more than a few.
MOST_SIGNATURES = 8


def sign(message_id: str, timestamp: str, body: bytes, secret: str) -> str:
    """One signature of this message. Raises ValueError for a secret that is not base64."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "replace") + body
    return "v1," + base64.b64encode(hmac_digest(key, signed)).decode()


def is_standard(delivery: Delivery, secret: str, now: float, tolerance: float = TOLERANCE) -> bool:
    """Whether one of the signatures is of this secret, and the signed moment lies within `tolerance` seconds."""
    message_id = delivery.headers.get(ID_HEADER, "")
    timestamp = delivery.headers.get(TIMESTAMP_HEADER, "")
    if not message_id or not is_recent(timestamp, now, tolerance):
        return False
    try:
        expected = sign(message_id, timestamp, delivery.body, secret)
    except (binascii.Error, ValueError):
        return False
    given = delivery.headers.get(SIGNATURE_HEADER, "").split(" ")[:MOST_SIGNATURES]
    return any(is_same(one, expected) for one in given)


def is_recent(timestamp: str, now: float, tolerance: float) -> bool:
    """Whether this text is a moment (epoch seconds) that lies so near; before or after, clocks differ."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(now - int(timestamp)) <= tolerance
