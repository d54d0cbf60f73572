"""Fivetran's webhooks: https://fivetran.com/docs/rest-api/webhooks

The signature is the hex HMAC-SHA256 of the raw body, in either letter case, without a timestamp; so replays are
refused by the signed `created` time and by the deduplication key (connector_id, sync_id, event). A test event
has neither sync_id nor data.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from headgate.domain.events import ConnectorSynced
from headgate.domain.inbound import InboundEvent, Meaning
from headgate.errors import WebhookError

SIGNATURE_HEADER = "x-fivetran-signature-256"
# Fivetran retries for 24 hours; anything older is a replay.
MAX_AGE = timedelta(hours=25)
# What ends up in a record's key, which DynamoDB limits in bytes: one byte each, and few of them.
Key = Annotated[str, StringConstraints(max_length=200, pattern=r"^[ -~]*$")]


class _Data(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    status: Key = ""


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    event: Key = Field(min_length=1)
    created: str = Field(min_length=1, max_length=40)
    connector_id: Key = Field(min_length=1)
    connector_name: str = Field(default="", max_length=500)
    sync_id: Key = ""
    data: _Data | None = None


def sign(body: bytes, secret: str) -> str:
    """The signature Fivetran sends with this body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class FivetranWebhook:
    """Reads one message of Fivetran's."""

    provider: Literal["fivetran"] = "fivetran"

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> None:
        """Raises WebhookError 401 unless the body was signed with this secret. Header names are lower-case."""
        given = headers.get(SIGNATURE_HEADER, "").strip().lower().encode("utf-8", "replace")
        if not hmac.compare_digest(given, sign(body, secret).encode()):
            raise WebhookError(401, "signature refused")

    def read(self, origin: str, body: bytes, now: float) -> InboundEvent:
        """What a verified body means. Raises WebhookError 400 with the field that is wrong, never its value."""
        message = _parse(body)
        event_id = f"fivetran/{origin}/{message.connector_id}/{message.sync_id}/{message.event}"
        if message.event == "test_event":
            return InboundEvent(event_id, Meaning.TEST, "test event")
        _refuse_replay(message.created, now)
        status = message.data.status if message.data else ""
        if message.event != "sync_end" or status != "SUCCESSFUL":
            detail = f"{message.event} {status}".strip()
            return InboundEvent(f"{event_id}/{status}", Meaning.IGNORED, detail)
        if not message.sync_id:
            # Fivetran's own test call sends a sync_end without sync_id; without one, a repeat cannot be told apart.
            return InboundEvent(event_id, Meaning.TEST, "sync_end without sync_id")
        synced = ConnectorSynced(
            event_id=event_id,
            provider=self.provider,
            origin=origin,
            connector_id=message.connector_id,
            connector_name=message.connector_name,
            sync_id=message.sync_id,
            occurred_at=message.created,
        )
        return InboundEvent(event_id, Meaning.SYNCED, "sync_end SUCCESSFUL", synced)


def _parse(body: bytes) -> _Body:
    try:
        return _Body.model_validate_json(body)
    except ValidationError as fault:
        where = {".".join(map(str, error["loc"])) or "body": error["msg"] for error in fault.errors()[:5]}
        raise WebhookError(400, "; ".join(f"{name}: {what}" for name, what in where.items())) from fault


def _refuse_replay(created: str, now: float) -> None:
    try:
        moment = datetime.fromisoformat(created)
    except ValueError as fault:
        raise WebhookError(400, "created: not an ISO 8601 time") from fault
    age = datetime.fromtimestamp(now, UTC) - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if age > MAX_AGE:
        raise WebhookError(400, "created: older than 25 hours")
