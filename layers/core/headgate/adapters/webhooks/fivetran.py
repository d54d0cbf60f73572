"""Fivetran's webhooks: https://fivetran.com/docs/rest-api/webhooks

The signature is the hex HMAC-SHA256 of the raw body, in either letter case, without a timestamp; so replays are
refused by the signed `created` time and by the deduplication key (connector_id, sync_id, event). A test event
has neither sync_id nor data. Fivetran switches a webhook off that is refused, so whatever is authentic is taken.
"""

from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headgate.adapters.webhooks.json_body import Key, Line, json_object, parsed, refuse_older
from headgate.adapters.webhooks.signing import hmac_hex, is_same
from headgate.domain.events import ConnectorSynced
from headgate.domain.inbound import Delivery, InboundEvent, one_line

SIGNATURE_HEADER = "x-fivetran-signature-256"
# Fivetran retries for 24 hours; anything older is a replay.
MAX_AGE = timedelta(hours=25)
SUCCESSFUL = "SUCCESSFUL"


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    event: Key = Field(min_length=1)
    created: Key = Field(min_length=1, max_length=40)
    connector_id: Key = ""
    connector_name: Line = ""
    sync_id: Key = ""
    data: Any = None


class _SyncData(BaseModel):
    """reason: why a sync failed."""

    model_config = ConfigDict(extra="ignore", strict=True)
    status: Key = ""
    reason: Line | None = ""
    taskType: Line | None = ""  # noqa: N815 - Fivetran's name


class _SyncEnd(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    connector_id: Key = Field(min_length=1)
    data: _SyncData | None = None


def sign(body: bytes, secret: str) -> str:
    """The signature Fivetran sends with this body."""
    return hmac_hex(secret, body)


class FivetranWebhook:
    """Reads one message of Fivetran's."""

    provider: Literal["fivetran"] = "fivetran"

    def is_authentic(self, delivery: Delivery, secret: str, now: float) -> bool:  # noqa: ARG002 - no time is signed
        return is_same(
            delivery.headers.get(SIGNATURE_HEADER, "").strip().lower(), sign(delivery.body, secret)
        )

    def read(self, delivery: Delivery, now: float) -> InboundEvent:
        """What a verified body means. Raises WebhookError 400 with the field that is wrong, never its value."""
        found = json_object(delivery.body)
        message = parsed(_Body, found)
        where = f"fivetran/{delivery.origin}/{message.connector_id}"
        if message.event == "test_event":
            return InboundEvent(f"{where}//test_event", "test event", is_test=True)
        refuse_older("created", message.created, now, MAX_AGE)
        if message.event != "sync_end":
            return _recorded(message, where)
        return self._sync_end(delivery, message, parsed(_SyncEnd, found).data or _SyncData())

    def _sync_end(self, delivery: Delivery, message: _Body, data: _SyncData) -> InboundEvent:
        event_id = f"fivetran/{delivery.origin}/{message.connector_id}/{message.sync_id}/sync_end"
        if data.status == SUCCESSFUL and message.sync_id:
            synced = ConnectorSynced(
                event_id=event_id,
                provider=self.provider,
                origin=delivery.origin,
                connector_id=message.connector_id,
                connector_name=message.connector_name,
                sync_id=message.sync_id,
                occurred_at=message.created,
            )
            return InboundEvent(event_id, f"sync_end SUCCESSFUL of {_label(message)}", synced)
        if not message.sync_id and data.status in ("", SUCCESSFUL):
            # Fivetran's own test call: without a sync_id a repeat cannot be told apart.
            return InboundEvent(event_id, "sync_end without sync_id", is_test=True)
        why = ", ".join(part for part in (data.taskType, data.reason) if part)
        told = f"sync_end {data.status} of {_label(message)}" + (f": {why}" if why else "")
        # A type promotion sends two ends of one sync, a failed and a successful one: they are two events.
        return InboundEvent(f"{event_id}/{data.status}", one_line(told))


def _recorded(message: _Body, where: str) -> InboundEvent:
    """Every other event. What has no sync can happen any number of times."""
    told = f"{message.event} of {_label(message)}"
    which = message.sync_id or message.created
    status = message.data.get("status") if isinstance(message.data, dict) else None
    if isinstance(status, str) and status:
        told += f": {status}"
    return InboundEvent(f"{where}/{which}/{message.event}", one_line(told))


def _label(message: _Body) -> str:
    return message.connector_name or message.connector_id or "the account"
