"""One DynamoDB table: plain Python values in, plain Python values out, errors in Headgate's words.

Expressions write attribute names as `#name` and values as `:name`; names need no declaration (every word may
be a reserved one), values come as keyword mappings. Keys are always `pk` and `sk`.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from random import uniform
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer

from headgate.adapters.aws.failures import cancellation_codes, refused_item, translated
from headgate.errors import ConflictError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Values = Mapping[str, Any]
# TransactWriteItems' own limit.
TRANSACTION_LIMIT = 100
_BATCH_WRITE = 25
_BATCH_GET = 100
_ATTEMPTS = 6
# Cancelled, but well-formed: another transaction was at the same item, or a partition (1,000 writes a second, which
# a large step's queue fills at once) had no room. boto3 sends none of these again.
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_NAMES = re.compile(r"#(\w+)")
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_item(values: Values) -> dict[str, Any]:
    """Python -> DynamoDB's notation. None is left out: an attribute that is not there."""
    return {name: _serialize(_exact(value)) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB's notation -> Python; whole numbers are int, others float."""
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: _exact(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(inner) for inner in value]
    if isinstance(value, frozenset):
        return set(value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Binary):
        return bytes(value.value)  # type: ignore[attr-defined]
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, set)):
        return type(value)(_plain(inner) for inner in value)
    return value


class Table:
    """The requests our adapters make of a table."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client, self._name = client, name

    def get(self, pk: str, sk: str, *, consistent: bool = True) -> dict[str, Any] | None:
        with translated(pk):
            answer = self._client.get_item(
                TableName=self._name, Key=to_item({"pk": pk, "sk": sk}), ConsistentRead=consistent
            )
        return from_item(answer["Item"]) if "Item" in answer else None

    def put(self, item: Values, condition: str | None = None, **values: Any) -> None:
        """Raises ConflictError when `condition` does not hold."""
        with translated(str(item["pk"])):
            self._client.put_item(
                TableName=self._name,
                Item=to_item(item),
                **_expressions(values, ConditionExpression=condition),
            )

    def update(
        self,
        pk: str,
        sk: str,
        change: str,
        condition: str | None = None,
        *,
        old: bool = False,
        before: bool = False,
        **values: Any,
    ) -> dict[str, Any]:
        """The item after `change`. Raises ConflictError when `condition` does not hold.

        old: a ConflictError brings the item it met; see `met`. before: the item as it was instead; empty if new.
        """
        with translated(pk):
            answer = self._client.update_item(
                TableName=self._name,
                Key=to_item({"pk": pk, "sk": sk}),
                ReturnValues="ALL_OLD" if before else "ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD" if old else "NONE",
                **_expressions(values, UpdateExpression=change, ConditionExpression=condition),
            )
        return from_item(answer.get("Attributes", {}))

    def delete(self, pk: str, sk: str) -> None:
        """Deleting what is not there changes nothing."""
        with translated(pk):
            self._client.delete_item(TableName=self._name, Key=to_item({"pk": pk, "sk": sk}))

    def query(
        self,
        key: str,
        *,
        index: str | None = None,
        limit: int | None = None,
        descending: bool = False,
        filter_by: str | None = None,
        fields: str | None = None,
        **values: Any,
    ) -> Iterator[dict[str, Any]]:
        """Items under a key condition, page after page, at most `limit`; consistent unless from an index."""
        request: dict[str, Any] = {"TableName": self._name, "ScanIndexForward": not descending}
        request["IndexName" if index else "ConsistentRead"] = index or True
        request |= _expressions(
            values, KeyConditionExpression=key, FilterExpression=filter_by, ProjectionExpression=fields
        )
        if limit is not None and filter_by is None:
            request["Limit"] = limit
        found = 0
        while limit is None or found < limit:
            with translated(key):
                page = self._client.query(**request)
            for item in page["Items"]:
                yield from_item(item)
                found += 1
                if found == limit:
                    return
            if not page.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def transact(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """All of these (see `putting`, `updating`, `deleting`, `checking`) or none. Raises ConflictError.

        What passes by itself (a transaction at the same item, a throttled partition) is tried again after a moment.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with translated("transaction"):
                    self._client.transact_write_items(
                        TransactItems=[_addressed(action, self._name) for action in actions]  # type: ignore[misc]
                    )
            except UnavailableError as fault:
                if attempt == _ATTEMPTS or _PASSING.isdisjoint(cancellation_codes(fault.__cause__)):
                    raise
                _back_off(attempt)
            else:
                return

    def put_all(self, items: Iterable[Values]) -> None:
        """Many unconditional puts, 25 a request; what the service leaves out is sent again."""
        requests = [{"PutRequest": {"Item": to_item(item)}} for item in items]
        for start in range(0, len(requests), _BATCH_WRITE):
            self._batch(requests[start : start + _BATCH_WRITE])

    def _batch(self, requests: list[Any]) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            with translated("batch write"):
                answer = self._client.batch_write_item(RequestItems={self._name: requests})
            requests = list(answer.get("UnprocessedItems", {}).get(self._name, []))
            if not requests:
                return
            _back_off(attempt)
        raise UnavailableError(f"{len(requests)} items were not written: the table is throttled")

    def get_all(
        self, keys: Iterable[tuple[str, str]], *, consistent: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Many items by key, 100 a request; those that do not exist are left out."""
        wanted = [to_item({"pk": pk, "sk": sk}) for pk, sk in dict.fromkeys(keys)]
        for start in range(0, len(wanted), _BATCH_GET):
            pending = wanted[start : start + _BATCH_GET]
            for attempt in range(1, _ATTEMPTS + 1):
                with translated("batch read"):
                    answer = self._client.batch_get_item(
                        RequestItems={self._name: {"Keys": pending, "ConsistentRead": consistent}}
                    )
                yield from map(from_item, answer["Responses"].get(self._name, []))
                left: Any = answer.get("UnprocessedKeys", {}).get(self._name, {})
                pending = list(left.get("Keys", []))
                if not pending:
                    break
                _back_off(attempt)
            else:
                raise UnavailableError(f"{len(pending)} items were not read: the table is throttled")


def met(fault: ConflictError) -> dict[str, Any]:
    """The item a refused update met (asked for with `old=True`)."""
    return from_item(refused_item(fault))


def putting(item: Values, condition: str | None = None, **values: Any) -> dict[str, Any]:
    """A transaction's put."""
    return {"Put": {"Item": to_item(item), **_expressions(values, ConditionExpression=condition)}}


def updating(pk: str, sk: str, change: str, condition: str | None = None, **values: Any) -> dict[str, Any]:
    """A transaction's update."""
    expressions = _expressions(values, UpdateExpression=change, ConditionExpression=condition)
    return {"Update": {"Key": to_item({"pk": pk, "sk": sk}), **expressions}}


def deleting(pk: str, sk: str, condition: str | None = None, **values: Any) -> dict[str, Any]:
    """A transaction's delete."""
    expressions = _expressions(values, ConditionExpression=condition)
    return {"Delete": {"Key": to_item({"pk": pk, "sk": sk}), **expressions}}


def checking(pk: str, sk: str, condition: str, **values: Any) -> dict[str, Any]:
    """A transaction's look at an item that it does not change."""
    expressions = _expressions(values, ConditionExpression=condition)
    return {"ConditionCheck": {"Key": to_item({"pk": pk, "sk": sk}), **expressions}}


def _addressed(action: Mapping[str, Any], table: str) -> dict[str, Any]:
    return {verb: {"TableName": table, **request} for verb, request in action.items()}


def _expressions(values: Values, **expressions: str | None) -> dict[str, Any]:
    given: dict[str, Any] = {name: text for name, text in expressions.items() if text}
    names = {f"#{name}": name for text in given.values() for name in _NAMES.findall(text)}
    if names:
        given["ExpressionAttributeNames"] = names
    if values:
        given["ExpressionAttributeValues"] = {f":{k}": v for k, v in to_item(values).items()}
    return given


def _back_off(attempt: int) -> None:
    time.sleep(uniform(0.5, 1.0) * 0.05 * 2**attempt)  # noqa: S311 - jitter, not a secret
