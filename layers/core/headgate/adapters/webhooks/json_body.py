"""A verified body as JSON, strictly: what two readers could understand differently is refused.

Neither NaN nor numbers beyond a float, no key twice, nothing nested deeper than 200, UTF-8 only.
"""

import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationError
from pydantic_core import from_json

from headgate.domain.inbound import one_line
from headgate.errors import WebhookError

# What ends up in a record's key, which DynamoDB limits in bytes: one byte each, and few of them.
Key = Annotated[str, StringConstraints(max_length=200, pattern=r"^[ -~]*$")]
# For a person, or for a pattern of a job.
Line = Annotated[str, AfterValidator(one_line)]

Body = TypeVar("Body", bound=BaseModel)


def json_object(body: bytes) -> dict[str, Any]:
    """The body's object. Raises WebhookError 400."""
    try:
        # This parser knows limits and refuses halves of characters; the other one can see a key that comes twice.
        from_json(body, allow_inf_nan=False)
        found = json.loads(
            body.decode(), object_pairs_hook=_object, parse_float=_number, parse_constant=_constant
        )
    except ValueError as fault:
        raise WebhookError(400, f"body: not JSON: {one_line(str(fault))}") from fault
    if not isinstance(found, dict):
        raise WebhookError(400, "body: not a JSON object")
    return found


def parsed(model: type[Body], found: dict[str, Any]) -> Body:
    """The fields that are read. Raises WebhookError 400 with the fields that are wrong, never their values."""
    try:
        return model.model_validate(found)
    except ValidationError as fault:
        where = {".".join(map(str, error["loc"])) or "body": error["msg"] for error in fault.errors()[:5]}
        raise WebhookError(400, "; ".join(f"{name}: {what}" for name, what in where.items())) from fault


def refuse_older(field: str, text: str, now: float, limit: timedelta) -> None:
    """A signed moment that is so long ago is a replay's. Raises WebhookError 400."""
    try:
        moment = datetime.fromisoformat(text)
        age = datetime.fromtimestamp(now, UTC) - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as fault:
        raise WebhookError(400, f"{field}: not an ISO 8601 time") from fault
    if age > limit:
        raise WebhookError(400, f"{field}: older than {limit // timedelta(hours=1)} hours")


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("a key comes twice")
        found[key] = value
    return found


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _constant(_: str) -> NoReturn:
    raise ValueError("NaN is no number")
