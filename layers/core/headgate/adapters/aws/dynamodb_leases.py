"""The leases of a step's runners in DynamoDB: `run#<id>` / `step#<nn>#runner#<k>`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws import node_items as items
from headgate.adapters.aws.node_items import run_key, runner_key, step_key
from headgate.adapters.aws.table import Table
from headgate.domain.queue import RunnerRecord
from headgate.errors import ConflictError
from headgate.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# How long a step, its nodes and its runners can be looked at; what the run wrote to S3 has a time of its own.
KEPT_SECONDS = 400 * 24 * 3600


class DynamoDBLeases:
    """The part of NodeQueue that is about runners; DynamoDBNodeQueue is the whole."""

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._table, self._clock = Table(client, table), clock

    def take_lease(self, run_id: int, step: int, runner: int, until: float, *, at: float = 0.0) -> int:
        item = self._table.update(
            run_key(run_id),
            runner_key(step, runner),
            "SET #runner = :runner, #until = :until, #ended = :no, #taken_at = :at, #expires_at = :expires_at"
            " REMOVE #error ADD #epoch :one",
            runner=runner,
            at=at,
            expires_at=self._expires_at(),
            until=until,
            no=False,
            one=1,
        )
        return int(item["epoch"])

    def renew_lease(self, run_id: int, step: int, runner: int, epoch: int, until: float) -> bool:
        return self._changes(
            run_key(run_id),
            runner_key(step, runner),
            "SET #until = :until",
            "#epoch = :epoch AND #ended = :no",
            until=until,
            epoch=epoch,
            no=False,
        )

    def end_lease(self, run_id: int, step: int, runner: int, epoch: int, error: str | None) -> bool:
        return self._changes(
            run_key(run_id),
            runner_key(step, runner),
            "SET #ended = :yes" + (", #error = :error" if error else ""),
            "#epoch = :epoch",
            yes=True,
            epoch=epoch,
            error=error or None,
        )

    def expire_lease(self, run_id: int, step: int, seen: RunnerRecord) -> bool:
        return self._changes(
            run_key(run_id),
            runner_key(step, seen.runner),
            "SET #epoch = #epoch + :one, #ended = :yes",
            "#epoch = :epoch AND #until = :until AND #ended = :no",
            one=1,
            epoch=seen.epoch,
            until=seen.until,
            yes=True,
            no=False,
        )

    def runners(self, run_id: int, step: int) -> list[RunnerRecord]:
        found = self._table.query(
            "#pk = :pk AND begins_with(#sk, :sk)", pk=run_key(run_id), sk=f"{step_key(step)}#runner#"
        )
        return sorted((items.to_runner(item) for item in found), key=lambda record: record.runner)

    def _expires_at(self) -> int:
        return int(self._clock.now() + KEPT_SECONDS)

    def _changes(self, pk: str, sk: str, change: str, condition: str, **values: Any) -> bool:
        return _held(lambda: self._table.update(pk, sk, change, condition, **values))


def _held(write: Callable[[], object]) -> bool:
    """Whether the write's condition held."""
    try:
        write()
    except ConflictError:
        return False
    return True
