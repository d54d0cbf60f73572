"""The single values of a jobs file: names, lengths of time, local times, patterns. Strict, each with words of its own.

A number in quotes is a text, and saying so beats guessing.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from headgate.adapters.jobs_file.entry import written_as
from headgate.domain.cron import check_cron, check_timezone
from headgate.domain.run_request import check_step
from headgate.domain.time_span import seconds_of
from headgate.errors import InputError


class Shaped:
    """A text of one shape, with the words for any other."""

    def __init__(self, pattern: str, words: str) -> None:
        self._pattern, self._words = re.compile(pattern), words

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"pattern": self._pattern.pattern}

    def _check(self, text: str) -> str:
        # `$` would let a line end pass.
        if self._pattern.search(text) is None or text.endswith("\n"):
            raise ValueError(self._words)
        return text


def checked(check: Callable[[str], object]) -> AfterValidator:
    """A validator out of a function that raises InputError."""

    def validate(text: str) -> str:
        try:
            check(text)
        except InputError as fault:
            raise ValueError(str(fault)) from fault
        return text

    return AfterValidator(validate)


def _seconds(value: object) -> object:
    if value is None:
        return None
    try:
        return seconds_of(value)
    except (InputError, OverflowError) as fault:
        raise ValueError(str(fault)) from fault


def _is_zero(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value == 0


def _check_pattern(text: str) -> None:
    try:
        matches_nothing = re.compile(text, re.IGNORECASE).search("")
    except (re.error, RecursionError, OverflowError) as fault:
        raise InputError(f"{text!r} is not a regular expression: {fault}") from fault
    if matches_nothing:
        raise InputError(f"{text!r} is found in every message: say more exactly what to look for")


def _local_time(value: object) -> str:
    """`08:00`, of a whole hour or of that text."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 23:
        return f"{value:02}:00"
    if isinstance(value, str) and re.fullmatch(_LOCAL_TIME, value):
        return value
    raise ValueError(
        f'must be a whole hour (0 to 23) or a local time in quotes, as in "17:30", not {value!r}'
    )


def _check_path(text: str) -> None:
    from jsonpath_ng.exceptions import JSONPathError
    from jsonpath_ng.parser import parse

    if not text.startswith("$"):
        raise InputError(f"must be a JSONPath from the body's root, as in $.sync.id, not {text!r}")
    try:
        parse(text)
    except (JSONPathError, ValueError, RecursionError) as fault:
        raise InputError(f"{text!r} is not a JSONPath: {fault}") from fault


def listed_text(value: object) -> object:
    """A list of one where a text alone says it."""
    return [value] if isinstance(value, str) else value


def _numbered(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def different(values: list[Any]) -> list[Any]:
    """A list in which nothing is written twice; else ValueError names it."""
    for position, value in enumerate(values):
        if value in values[:position]:
            raise ValueError(f"{value!r} is written twice")
    return values


_SPAN = {"type": "string", "pattern": r"^(?=.)(\d{1,4}h)?(\d{1,5}m)?(\d{1,6}s)?$"}
_LOCAL_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_NAME_WORDS = "must be 1 to 48 letters, digits, - or _, beginning with a letter or digit"

Name = Annotated[str, Shaped(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$", _NAME_WORDS)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
NumberedText = Annotated[
    Text,
    BeforeValidator(_numbered),
    written_as(anyOf=[{"type": "string", "minLength": 1}, {"type": "integer"}]),
]
Texts = Annotated[list[Text], Field(min_length=1), AfterValidator(different)]
Cron = Annotated[str, StringConstraints(max_length=200), checked(check_cron)]
TimeZone = Annotated[str, StringConstraints(max_length=64), checked(check_timezone)]
CommandLine = Annotated[str, StringConstraints(max_length=20_000), checked(check_step)]
Span = Annotated[
    float,
    BeforeValidator(_seconds),
    written_as(anyOf=[_SPAN, {"type": "integer", "minimum": 1, "maximum": 604_800}]),
]
SpanOrNothing = Annotated[
    float,
    BeforeValidator(lambda value: 0.0 if _is_zero(value) else _seconds(value)),
    written_as(anyOf=[_SPAN, {"type": "integer", "minimum": 0, "maximum": 604_800}]),
]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=1_000), checked(_check_pattern)]
Channel = Annotated[str, Shaped(r"^#\S+$", 'must be a channel with its #, in quotes: "#finance-data"')]
Clock = Annotated[str, Shaped(f"^{_LOCAL_TIME}$", 'must be a local time in quotes, as in "08:00"')]
HourOrClock = Annotated[
    str,
    PlainValidator(_local_time),
    written_as(
        anyOf=[
            {"type": "integer", "minimum": 0, "maximum": 23},
            {"type": "string", "pattern": f"^{_LOCAL_TIME}$"},
        ]
    ),
]
JsonPath = Annotated[
    str, StringConstraints(max_length=500), checked(_check_path), written_as(type="string", pattern=r"^\$")
]
HeaderName = Annotated[
    str,
    Shaped(
        r"^[A-Za-z0-9_-]{1,100}$", "must be the name of a header (letters, digits, - and _), as in X-Api-Key"
    ),
]
