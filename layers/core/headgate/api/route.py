"""What a route is: a row of data, from which requests are answered and the API's description is written."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from headgate.bootstrap import World

_PART = re.compile(r"{(\w+)}")
Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of a path that varies. pattern: the whole of it, as both Python and JSON Schema read it."""

    pattern: str
    description: str
    is_number: bool = False


PARAMETERS = {
    # Ids are integers that every JSON reader can hold (below 2^53).
    "run_id": Parameter("[0-9]{1,15}", "A run's number.", is_number=True),
    "job": Parameter("[A-Za-z0-9][A-Za-z0-9_-]{0,47}", "A job's name, as in its jobs file."),
    "event_id": Parameter("[^\\x00-\\x1f\\x7f]{1,1000}", "An event's id; its slashes may be written as %2F."),
}


class Query(BaseModel):
    """What may stand behind `?`: texts, so that numbers are read out of them."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class Body(BaseModel):
    """What may be sent: nothing is guessed or left out of account."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class Told(BaseModel):
    """What is answered; fields are only ever added. Nothing is checked against it but in tests."""

    model_config = ConfigDict(extra="allow", defer_build=True)


@dataclass(frozen=True)
class Request:
    """What a route is given. values: the path's. query, body: of the route's models. key: the Idempotency-Key."""

    values: Mapping[str, str]
    query: Any = None
    body: Any = None
    key: str | None = None

    @property
    def run_id(self) -> int:
        return int(self.values["run_id"])


@dataclass(frozen=True)
class Route:
    """One method at one path. answers: status -> what it means and the model of the body.

    keyed: an Idempotency-Key is looked at. Errors that every route may answer with are added by openapi.py.
    """

    method: str
    path: str
    name: str
    summary: str
    act: Callable[[Request, "World"], Answer]
    answers: Mapping[int, tuple[str, type[Told]]]
    query: type[Query] | None = None
    body: type[Body] | None = None
    keyed: bool = False
    refusals: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a path must match, each varying part a named group."""
        return re.compile(_PART.sub(_group, self.path))


def _group(part: re.Match[str]) -> str:
    return f"(?P<{part[1]}>{PARAMETERS[part[1]].pattern})"
