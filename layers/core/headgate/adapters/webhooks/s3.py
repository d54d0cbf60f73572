"""S3's "Object Created", as EventBridge tells it on the account's own bus.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html

No webhook: the rule `ObjectCreatedRule` gives the event as it is to match_triggers, whose handler calls `read`, records
the event under its id as every other one (provider `s3`, origin the bucket) and goes on with the signal.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headgate.adapters.webhooks.json_body import Key, Line
from headgate.domain.events import SignalReceived
from headgate.domain.inbound import key_part, one_line

SOURCE, DETAIL_TYPE = "aws.s3", "Object Created"


class _Bucket(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: Key = Field(min_length=1)


class _Object(BaseModel):
    """key: as it is, unlike in S3's own notifications, where it is encoded for an address."""

    model_config = ConfigDict(extra="ignore")
    key: str = Field(min_length=1, max_length=1024)
    size: int = 0
    etag: Line = ""
    sequencer: Key = ""


class _Detail(BaseModel):
    model_config = ConfigDict(extra="ignore")
    bucket: _Bucket
    object: _Object
    reason: Line = ""


def read(event: dict[str, Any]) -> tuple[str, SignalReceived, str] | None:
    """(deduplication key, signal, one line for a person); None: not an object that was created.

    At least once and in any order: the sequencer tells a second object of one key from the first one told twice.
    """
    if event.get("source") != SOURCE or event.get("detail-type") != DETAIL_TYPE:
        return None
    try:
        found = _Detail.model_validate(event.get("detail"))
    except ValidationError:
        return None
    bucket, made = found.bucket.name, found.object
    # Without a sequencer (some stores have none) the message's own id tells them apart.
    event_id = f"s3/{bucket}/{key_part(made.key)}/{key_part(made.sequencer or str(event.get('id') or '-'))}"
    detail = one_line(f"s3://{bucket}/{made.key}, {made.size} bytes")
    signal = SignalReceived(
        event_id=event_id,
        kind="s3",
        origin=bucket,
        names=(bucket,),
        attributes={"key": made.key, "etag": made.etag, "size": str(made.size)},
        detail=detail,
        occurred_at=str(event.get("time") or ""),
    )
    return event_id, signal, detail
