"""Durations of earlier builds in DynamoDB: `history#<environment>` / `node#<unique_id> as <materialisation>`."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from headgate.adapters.aws.table import Table
from headgate.domain.duration import Duration

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Beyond this many nodes, reading the environment's whole history is fewer requests than asking by key.
_BY_KEY = 100


class DynamoDBHistory:
    """History on one table. Two runs that learn at once: the later one counts."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def predictions(self, environment: str, keys: Iterable[str]) -> dict[str, float]:
        return {node: duration.seconds for node, duration in self._known(environment, keys).items()}

    def learn(self, environment: str, seconds: Mapping[str, float]) -> None:
        known = self._known(environment, seconds)
        learned = {node: known.get(node, Duration()).learned(value) for node, value in seconds.items()}
        self._table.put_all(
            {
                "pk": f"history#{environment}",
                "sk": f"node#{node}",
                "mean_log": duration.mean_log,
                "builds": duration.builds,
            }
            for node, duration in learned.items()
        )

    def _known(self, environment: str, keys: Iterable[str]) -> dict[str, Duration]:
        pk, wanted = f"history#{environment}", dict.fromkeys(keys)
        if len(wanted) > _BY_KEY:
            items = self._table.query("#pk = :pk", pk=pk)
        else:
            items = self._table.get_all((pk, f"node#{node}") for node in wanted)
        found = {
            item["sk"].removeprefix("node#"): Duration(float(item["mean_log"]), item["builds"])
            for item in items
        }
        return {node: found[node] for node in wanted if node in found}
