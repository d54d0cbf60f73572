"""Inbound events in DynamoDB, one item each, forgotten after seven days.

Keys: `event#<id>` / `event`; index `listing` by the time they were received.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws.table import Table, met
from headgate.domain.instant import iso
from headgate.errors import ConflictError, NotFoundError
from headgate.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 7 * 86_400
RECEIVED, PUBLISHED = "received", "published"
_NOTE = "note_"


class DynamoDBEventLog:
    """EventLog on one table."""

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._table, self._clock = Table(client, table), clock

    def record(self, event_id: str, detail: Mapping[str, Any]) -> bool:
        now = self._clock.now()
        try:
            self._table.update(
                f"event#{event_id}",
                "event",
                "SET #event_id = :event_id, #detail = if_not_exists(#detail, :detail), #outcome = :received,"
                " #received_at = if_not_exists(#received_at, :at), #expires_at = :expires_at,"
                " #listing_pk = :kind, #listing_sk = if_not_exists(#listing_sk, :order)",
                "attribute_not_exists(pk) OR #outcome = :received",
                event_id=event_id,
                detail=json.dumps(detail),
                received=RECEIVED,
                at=iso(now),
                expires_at=int(now + KEPT_SECONDS),
                kind="event",
                order=f"{iso(now)}#{event_id}",
            )
        except ConflictError:
            return False
        return True

    def mark(self, event_id: str, outcome: str) -> None:
        change = ("SET #outcome = :outcome", "attribute_exists(pk)")
        values: dict[str, Any] = {"outcome": outcome}
        if outcome == PUBLISHED:
            # Whoever took the event from the bus may have been faster with what became of it.
            change = ("SET #outcome = :outcome", "attribute_exists(pk) AND #outcome = :received")
            values["received"] = RECEIVED
        try:
            self._table.update(f"event#{event_id}", "event", *change, old=True, **values)
        except ConflictError as fault:
            if not met(fault):
                raise NotFoundError(f"event {event_id} is not known") from fault

    def note(self, event_id: str, job: str, text: str, run_id: int | None = None) -> None:
        # An attribute for each job: written in one request, whatever else is written of the event.
        name = f"{_NOTE}{job.encode().hex()}"
        unless = "" if run_id is not None else f" AND attribute_not_exists(#{name}.#run_id)"
        said: dict[str, Any] = {"job": job, "text": text, "at": iso(self._clock.now())}
        with suppress(ConflictError):  # it is not known, or a run was noted before
            self._table.update(
                f"event#{event_id}",
                "event",
                f"SET #{name} = :note",
                f"attribute_exists(pk){unless}",
                note=said if run_id is None else {**said, "run_id": run_id},
            )

    def get(self, event_id: str) -> dict[str, Any]:
        item = self._table.get(f"event#{event_id}", "event")
        if item is None:
            raise NotFoundError(f"event {event_id} is not known")
        return _told(item)

    def recent(self, limit: int = 50) -> list[dict[str, Any]]:
        found = self._table.query(
            "#listing_pk = :kind", index="listing", limit=limit, descending=True, kind="event"
        )
        return [_told(item) for item in found]


def _told(item: Mapping[str, Any]) -> dict[str, Any]:
    notes = [{"run_id": None, **note} for name, note in item.items() if name.startswith(_NOTE)]
    return {
        "event_id": item["event_id"],
        "received_at": item["received_at"],
        "outcome": item["outcome"],
        "detail": json.loads(item["detail"]),
        "notes": sorted(notes, key=lambda note: str(note["job"])),
    }
