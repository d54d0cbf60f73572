"""What is known of the data in sources, in DynamoDB.

Keys: `syncs` / `<connector>`, its last sync; `sync#<month>` / `<time>#<connector>#<sync id>`, every sync, forgotten
after 90 days; `observed#<environment>` / `<source>`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws.table import Table, met
from headgate.domain.instant import iso
from headgate.domain.sync import KEPT_SECONDS, Observation, Sync, each_once
from headgate.errors import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LAST = "syncs"


class DynamoDBFreshness:
    """Freshness on one table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def record_sync(self, sync: Sync, *, new_data: bool = True) -> None:
        if not new_data and self._heard_of(sync):
            return
        # The log comes last: what is in it was recorded as a whole, and whoever died before is asked again.
        pk, sk = _log_key(sync)
        if self._table.get(pk, sk) is not None:
            return
        # Refused: it is known as the last one already, or is older than that.
        with suppress(ConflictError):
            self._table.put(
                {"pk": LAST, "sk": sync.connector, **_fields(sync)},
                "attribute_not_exists(pk) OR (#at <= :at AND #sync_id <> :sync_id)",
                at=sync.at,
                sync_id=sync.sync_id,
            )
        self._table.put({"pk": pk, "sk": sk, **_fields(sync), "expires_at": int(sync.at) + KEPT_SECONDS})

    def _heard_of(self, sync: Sync) -> bool:
        """Remember that it brought nothing. False: nothing is known of this connector."""
        change = (
            "SET #empty_at = :at",
            "attribute_exists(pk) AND (attribute_not_exists(#empty_at) OR #empty_at < :at)",
        )
        try:
            self._table.update(LAST, sync.connector, *change, old=True, at=sync.at)
        except ConflictError as fault:
            return bool(met(fault))
        return True

    def syncs(self) -> dict[str, Sync]:
        return {item["sk"]: _sync(item) for item in self._table.query("#pk = :pk", pk=LAST)}

    def syncs_since(self, at: float) -> list[Sync]:
        newest = max((sync.at for sync in self.syncs().values()), default=at)
        oldest = max(at, newest - KEPT_SECONDS)
        found = [
            _sync(item)
            for month in _months(oldest, newest)
            for item in self._table.query(
                "#pk = :pk AND #sk >= :since", pk=f"sync#{month}", since=iso(oldest)[:19]
            )
        ]
        return each_once(sync for sync in found if at < sync.at and oldest <= sync.at)

    def observe(self, environment: str, seen: Iterable[Observation]) -> None:
        """Two runs that observe at once: the later one counts, which no reader mistakes for new data it has seen."""
        known = self.observations(environment)
        self._table.put_all(
            {
                "pk": f"observed#{environment}",
                "sk": one.unique_id,
                "max_loaded_at": one.max_loaded_at,
                "observed_at": one.observed_at,
            }
            for one in _latest(seen)
            if one.unique_id not in known or known[one.unique_id].observed_at <= one.observed_at
        )

    def observations(self, environment: str) -> dict[str, Observation]:
        items = self._table.query("#pk = :pk", pk=f"observed#{environment}")
        return {
            item["sk"]: Observation(item["sk"], float(item["max_loaded_at"]), float(item["observed_at"]))
            for item in items
        }


def _log_key(sync: Sync) -> tuple[str, str]:
    return f"sync#{iso(sync.at)[:7]}", f"{iso(sync.at)}#{sync.connector}#{sync.sync_id}"


def _months(start: float, end: float) -> Iterator[str]:
    """`2026-01`, of every month that has a moment from start to end."""
    month, last = datetime.fromtimestamp(start, UTC), iso(end)[:7]
    while f"{month:%Y-%m}" <= last:
        yield f"{month:%Y-%m}"
        month = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1, day=1)


def _fields(sync: Sync) -> dict[str, Any]:
    return {
        "provider": sync.provider,
        "connector_id": sync.connector_id,
        "connector_name": sync.connector_name,
        "sync_id": sync.sync_id,
        "at": sync.at,
    }


def _sync(item: Mapping[str, Any]) -> Sync:
    return Sync(
        item["provider"],
        item["connector_id"],
        item.get("connector_name", ""),
        item["sync_id"],
        float(item["at"]),
        float(item.get("empty_at", 0)),
    )


def _latest(seen: Iterable[Observation]) -> list[Observation]:
    """One of each source: a batch may not write an item twice."""
    latest: dict[str, Observation] = {}
    for one in sorted(seen, key=lambda one: one.observed_at):
        latest[one.unique_id] = one
    return list(latest.values())
