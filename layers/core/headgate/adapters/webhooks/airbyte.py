"""Airbyte's notifications: https://docs.airbyte.com/platform/cloud/managing-airbyte-cloud/manage-airbyte-cloud-notifications

Airbyte signs nothing and sends no header of its own, so the secret is the last part of the address. Whoever holds it
can say anything: where the source's secret has `api_url` and `api_token`, Airbyte's own API must confirm a sync.
Messages of older versions, of schema changes and of the test button hold text for Slack and no `data`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headgate.adapters.webhooks.airbyte_api import confirm_sync
from headgate.adapters.webhooks.json_body import Key, Line, json_object, parsed
from headgate.adapters.webhooks.signing import is_same
from headgate.domain.events import ConnectorSynced
from headgate.domain.inbound import Delivery, InboundEvent, body_key, one_line

TEXT_ONLY = (
    "a message without data (a test, a notice, or an old Airbyte that sends text only): it starts nothing"
)


class _Connection(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    id: Key = Field(min_length=1)
    name: Line | None = ""


class _Data(BaseModel):
    """finishedAt: null while the sync is queued."""

    model_config = ConfigDict(extra="ignore", strict=True)
    connection: _Connection
    jobId: Annotated[int, Field(ge=0, lt=2**63)]  # noqa: N815 - Airbyte's names
    success: bool
    finishedAt: Key | None = None  # noqa: N815
    recordsCommitted: int | None = None  # noqa: N815
    errorMessage: Line | None = None  # noqa: N815


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    text: str | None = ""
    data: _Data | None = None


class AirbyteWebhook:
    """Reads one message of Airbyte's."""

    provider: Literal["airbyte"] = "airbyte"

    def is_authentic(self, delivery: Delivery, secret: str, now: float) -> bool:  # noqa: ARG002 - no time is sent
        return is_same(delivery.token, secret)

    def read(self, delivery: Delivery, now: float) -> InboundEvent:  # noqa: ARG002
        """What a verified body means. Raises WebhookError 400 with the field that is wrong, never its value."""
        found = json_object(delivery.body)
        message = parsed(_Body, found)
        if message.data is None:
            event_id = f"airbyte/{delivery.origin}/{body_key(delivery.body)}"
            return InboundEvent(event_id, TEXT_ONLY, is_test=_is_test(found))
        return self._sync(delivery, message.data)

    def confirm(self, event: InboundEvent, values: Mapping[str, str]) -> None:
        """Ask Airbyte itself. Raises WebhookError 401 when it denies it, 503 when it cannot be asked."""
        url, token = values.get("api_url", ""), values.get("api_token", "")
        if url and token and isinstance(event.event, ConnectorSynced):
            confirm_sync(url, token, event.event.sync_id, event.event.connector_id)

    def _sync(self, delivery: Delivery, data: _Data) -> InboundEvent:
        name = data.connection.name or data.connection.id
        where = f"airbyte/{delivery.origin}/{data.connection.id}/{data.jobId}"
        if not data.finishedAt:
            return InboundEvent(f"{where}/queued", one_line(f"sync {data.jobId} of {name} is queued"))
        if not data.success:
            why = f": {data.errorMessage}" if data.errorMessage else ""
            return InboundEvent(f"{where}/false", one_line(f"sync {data.jobId} of {name} failed{why}"))
        event_id, told = f"{where}/true", f"sync {data.jobId} of {name} succeeded"
        if data.recordsCommitted == 0:
            told += " and committed no records: no new data"
        synced = ConnectorSynced(
            event_id=event_id,
            provider=self.provider,
            origin=delivery.origin,
            connector_id=data.connection.id,
            connector_name=data.connection.name or "",
            sync_id=str(data.jobId),
            occurred_at=data.finishedAt,
            new_data=data.recordsCommitted != 0,
        )
        return InboundEvent(event_id, one_line(told), synced)


def _is_test(found: Mapping[str, Any]) -> bool:
    """The test button sends one line of text, and nothing of a sync."""
    return set(found) == {"text"} and "test" in str(found["text"]).lower()
