"""dbt Cloud's own webhooks, for a migration in parallel: https://docs.getdbt.com/docs/deploy/webhooks

`Authorization` is the hex HMAC-SHA256 of the raw body, without a scheme's name. The event's id and its moment are
signed. `job.run.completed` comes last, after a failed run too, with the artifacts there: it alone starts something.
"""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from headgate.adapters.webhooks.json_body import Key, Line, json_object, parsed, refuse_older
from headgate.adapters.webhooks.signing import hmac_hex, is_same
from headgate.domain.events import SignalReceived
from headgate.domain.inbound import Delivery, InboundEvent, one_line

SIGNATURE_HEADER = "authorization"
# Five retries, hours apart at most; an older one is a replay.
MAX_AGE = timedelta(hours=25)
COMPLETED = "job.run.completed"
# https://docs.getdbt.com/dbt-cloud/api-v2: of a run's end.
STATUSES = {10: "success", 20: "error", 30: "cancelled"}


class _Data(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, coerce_numbers_to_str=True)
    jobId: Key = Field(min_length=1)  # noqa: N815 - dbt's names
    jobName: Line = ""  # noqa: N815
    runId: Key = Field(min_length=1)  # noqa: N815
    runStatus: Line = ""  # noqa: N815
    runStatusCode: int = 0  # noqa: N815


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    eventId: Key = Field(min_length=1)  # noqa: N815
    eventType: Key = Field(min_length=1)  # noqa: N815
    timestamp: Key = Field(min_length=1, max_length=40)
    data: _Data


def sign(body: bytes, secret: str) -> str:
    """The signature dbt Cloud sends with this body."""
    return hmac_hex(secret, body)


class DbtCloudWebhook:
    """Reads one message of dbt Cloud's."""

    provider: Literal["dbt_cloud"] = "dbt_cloud"

    def is_authentic(self, delivery: Delivery, secret: str, now: float) -> bool:  # noqa: ARG002 - read() knows the time
        return is_same(
            delivery.headers.get(SIGNATURE_HEADER, "").strip().lower(), sign(delivery.body, secret)
        )

    def read(self, delivery: Delivery, now: float) -> InboundEvent:
        """What a verified body means. Raises WebhookError 400 with the field that is wrong, never its value."""
        message = parsed(_Body, json_object(delivery.body))
        refuse_older("timestamp", message.timestamp, now, MAX_AGE)
        data = message.data
        event_id = f"dbt_cloud/{delivery.origin}/{message.eventId}/{message.eventType}"
        status = STATUSES.get(data.runStatusCode, "")
        name = data.jobName or data.jobId
        detail = one_line(f"{message.eventType} of {name}, run {data.runId}: {data.runStatus or status}")
        if message.eventType != COMPLETED or not status:
            return InboundEvent(event_id, detail)
        signal = SignalReceived(
            event_id=event_id,
            kind=self.provider,
            origin=delivery.origin,
            names=tuple(dict.fromkeys(part for part in (data.jobId, data.jobName) if part)),
            attributes={"status": status, "run": data.runId},
            detail=detail,
            occurred_at=message.timestamp,
        )
        return InboundEvent(event_id, detail, signal)
