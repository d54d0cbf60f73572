"""How jobs fare, in DynamoDB: `job#<name>` / `activity`. Failures are counted where a run ends (dynamodb_run_store)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws.table import Table
from headgate.domain.activity import Activity
from headgate.errors import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ACTIVITY = "activity"


class DynamoDBActivities:
    """Activities on one table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def activity(self, job: str) -> Activity:
        return _activity(self._table.get(f"job#{job}", ACTIVITY) or {})

    def activities(self, jobs: Sequence[str]) -> dict[str, Activity]:
        found = self._table.get_all(((f"job#{job}", ACTIVITY) for job in jobs), consistent=True)
        known = {item["pk"].removeprefix("job#"): _activity(item) for item in found}
        return {job: known.get(job, Activity()) for job in jobs}

    def pause(self, job: str, reason: str) -> None:
        self._table.update(f"job#{job}", ACTIVITY, "SET #paused = :reason", reason=reason)

    def resume(self, job: str) -> None:
        self._table.update(
            f"job#{job}", ACTIVITY, "SET #failures = :none REMOVE #paused, #deactivated_at", none=0
        )

    def deactivate(self, job: str, failures: int, at: str) -> bool:
        try:
            self._table.update(
                f"job#{job}",
                ACTIVITY,
                "SET #deactivated_at = :at",
                "#failures >= :failures AND attribute_not_exists(#deactivated_at)",
                at=at,
                failures=failures,
            )
        except ConflictError:
            return False
        return True

    def record_due(self, job: str, at: float) -> bool:
        try:
            self._table.update(
                f"job#{job}",
                ACTIVITY,
                "SET #last_due = :at",
                "attribute_not_exists(#last_due) OR #last_due < :at",
                at=at,
            )
        except ConflictError:
            return False
        return True


def _activity(item: Mapping[str, Any]) -> Activity:
    return Activity(
        paused=item.get("paused", ""),
        failures=item.get("failures", 0),
        deactivated_at=item.get("deactivated_at"),
        last_due=float(item.get("last_due", 0.0)),
    )
