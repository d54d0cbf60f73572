"""Places in pools in DynamoDB: `pool#<environment>` / `<pool>`, one string set of holders, limited by its size."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from headgate.adapters.aws.table import Table
from headgate.errors import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# An expression may have 4 kB for operators and 2 MB for values; this many holders stay far below both.
_AT_ONCE = 100
# An item has 400 kB; a pool of a thousand holders of 200 characters takes half of it.


class DynamoDBSlots:
    """Slots on one table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def take(self, environment: str, pool: str, holder: str, limit: int) -> bool:
        if limit < 1:
            return False
        try:
            # One write whose condition also holds for who is in already: a lost answer may simply be asked for again.
            self._table.update(
                _key(environment),
                pool,
                "ADD #holders :holders",
                "attribute_not_exists(#holders) OR contains(#holders, :holder) OR size(#holders) < :limit",
                holders={holder},
                holder=holder,
                limit=limit,
            )
        except ConflictError:
            return False
        return True

    def give_back(self, environment: str, pool: str, holders: Sequence[str]) -> None:
        for some in _chunks(holders):
            self._table.update(_key(environment), pool, "DELETE #holders :holders", holders=some)

    def holders(self, environment: str, pool: str) -> list[str]:
        item = self._table.get(_key(environment), pool)
        return list(item.get("holders", ())) if item else []

    def pools(self, environment: str) -> list[str]:
        found = self._table.query("#pk = :pk", pk=_key(environment))
        return [item["sk"] for item in found if item.get("holders")]


def _key(environment: str) -> str:
    return f"pool#{environment}"


def _chunks(holders: Sequence[str]) -> Iterator[set[str]]:
    for start in range(0, len(holders), _AT_ONCE):
        yield set(holders[start : start + _AT_ONCE])
