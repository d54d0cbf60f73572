"""What may be written in a jobs file, as pydantic models: the key names are the contract with its readers.

Types are strict: a number in quotes is a text, and saying so beats guessing.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from headgate.domain.command import Command
from headgate.domain.cron import check_cron, check_timezone
from headgate.domain.fargate import FARGATE_MEMORY
from headgate.domain.plan import WAREHOUSE
from headgate.domain.time_span import seconds_of
from headgate.errors import InputError

MAX_RUNNERS = 40  # what one step's Map starts at once


def _checked(check: Callable[[str], object]) -> AfterValidator:
    """A validator out of a function that raises InputError."""

    def validate(text: str) -> str:
        try:
            check(text)
        except InputError as fault:
            raise ValueError(str(fault)) from fault
        return text

    return AfterValidator(validate)


def _check_command(line: str) -> None:
    # Imported here: the selection grammar loads more than most readers of a jobs file need.
    from headgate.domain.selection import check

    command = Command.parse(line)
    for text in (*command.select, *command.exclude):
        check(text, state=bool(command.state))


def _check_variable(name: str) -> None:
    if name.startswith(("HEADGATE_", "AWS_")):
        raise InputError(f"{name} steers the runner itself and cannot be a secret")


def _seconds(value: object) -> object:
    if value is None:
        return None
    try:
        return seconds_of(value)
    except InputError as fault:
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


def _listed_text(value: object) -> object:
    return [value] if isinstance(value, str) else value


_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$"
Name = Annotated[str, StringConstraints(pattern=_NAME)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Cron = Annotated[str, _checked(check_cron)]
TimeZone = Annotated[str, _checked(check_timezone)]
CommandLine = Annotated[str, _checked(_check_command)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), _checked(_check_variable)]
SecretKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/_+=.@-]+#[^#\s]+$")]
Span = Annotated[float, BeforeValidator(_seconds)]
SpanOrNothing = Annotated[float, BeforeValidator(lambda value: 0.0 if _is_zero(value) else _seconds(value))]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=1_000), _checked(_check_pattern)]
Channel = Annotated[str, StringConstraints(pattern=r"^#\S+$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RunnersEntry(_Entry):
    """`runners:` of an environment."""

    max: int = Field(4, ge=1, le=MAX_RUNNERS)
    cpu: int = 1024
    memory: int = 4096
    spot: bool = False

    @model_validator(mode="after")
    def _fits_fargate(self) -> "RunnersEntry":
        allowed = FARGATE_MEMORY.get(self.cpu)
        if allowed is None:
            raise ValueError(f"cpu {self.cpu} is not a Fargate size; it is one of {_listed(FARGATE_MEMORY)}")
        if self.memory not in allowed:
            nearest = min(allowed, key=lambda size: abs(size - self.memory))
            raise ValueError(
                f"memory {self.memory} does not go with cpu {self.cpu} on Fargate: "
                f"{allowed[0]} to {allowed[-1]} in steps of {allowed[-1] - allowed[-2]}; nearest: {nearest}"
            )
        return self


class ErrorClassEntry(_Entry):
    """One entry of `error_classes:`; what is left out is as in the built-in class of that name, if there is one."""

    match: Annotated[list[Pattern], Field(min_length=1), BeforeValidator(_listed_text)] | None = None
    retry: bool | None = None
    backoff: Span | None = None
    longest: Span | None = None
    counts: bool | None = None
    fewer_threads: bool | None = None
    larger_runner: bool | None = None
    group: Name | None = None

    @model_validator(mode="after")
    def _grows(self) -> "ErrorClassEntry":
        if self.backoff is not None and self.longest is not None and self.backoff > self.longest:
            raise ValueError("backoff is longer than longest")
        return self


class EnvironmentEntry(_Entry):
    """One entry of `environments:`."""

    target: Text
    schema_: Text = Field(alias="schema")
    threads: int = Field(4, ge=1, le=256)
    runners: RunnersEntry = RunnersEntry()
    secrets: dict[Variable, SecretKey] = {}
    concurrency: int | None = Field(None, ge=1, le=10_000)
    pools: dict[Name, Annotated[int, Field(ge=1, le=10_000)]] = {}
    error_classes: dict[Name, ErrorClassEntry] = {}

    @model_validator(mode="after")
    def _leaves_the_warehouse(self) -> "EnvironmentEntry":
        if WAREHOUSE in self.pools:
            raise ValueError(
                f"the pool {WAREHOUSE!r} is every node's: write `concurrency: {self.pools[WAREHOUSE]}`"
            )
        return self


class FivetranEntry(_Entry):
    """`when.fivetran:`."""

    connectors: list[Text] = Field(min_length=1)


class ScheduleEntry(_Entry):
    """`when.schedule:`."""

    cron: Cron
    timezone: TimeZone = "UTC"


class WhenEntry(_Entry):
    """`when:` of a job."""

    fivetran: FivetranEntry | None = None
    schedule: ScheduleEntry | None = None


class RetriesEntry(_Entry):
    """`retries:` of a job. `on`: names and groups of error classes."""

    max: int = Field(2, ge=0, le=10)
    on: list[Text] = ["transient"]
    non_idempotent: bool = False
    scope: Literal["test", "model_and_test"] = "test"


class ReuseEntry(_Entry):
    """`reuse:` of a job; `unchanged` is None where nothing is said of it."""

    unchanged: bool | None = None
    batch_tests: bool = False
    code_change: Literal["build", "respect_window"] = "build"
    volatile: Literal["build", "ignore"] = "build"
    look_every: SpanOrNothing = 86_400.0
    silent_after: Span = 86_400.0


class DeadlineEntry(_Entry):
    """`deadline:` of a job."""

    finish_by: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    timezone: TimeZone = "UTC"


def _switched(value: object) -> object:
    # `reuse: true` says all there is to say for most jobs.
    return {"unchanged": value} if isinstance(value, bool) else value


class JobEntry(_Entry):
    """One entry of `jobs:`. Without `run`, a run builds what is downstream of the connectors that start it."""

    environment: Name
    owner: str = ""
    description: str = ""
    when: WhenEntry = WhenEntry()
    run: Annotated[list[CommandLine], Field(min_length=1)] | None = None
    retries: RetriesEntry = RetriesEntry()
    node_timeout: Span | None = None
    reuse: Annotated[ReuseEntry, BeforeValidator(_switched)] = ReuseEntry()
    deadline: DeadlineEntry | None = None

    @model_validator(mode="after")
    def _knows_what_to_run(self) -> "JobEntry":
        if self.run is None and self.when.fivetran is None:
            raise ValueError(
                "run is missing: it lists the job's dbt commands; only a job with when.fivetran can do without, "
                "and builds what is downstream of its connectors"
            )
        return self


class MatchEntry(_Entry):
    """`match:` of an alert rule; what is left out matches everything."""

    tag: Text | None = None
    severity: Literal["error", "warn"] | None = None


class SendEntry(_Entry):
    """One receiver of an alert rule."""

    slack: Channel


class AlertEntry(_Entry):
    """One entry of `alerts:`."""

    match: MatchEntry = MatchEntry()
    send: list[SendEntry] = Field(min_length=1)


class FileEntry(_Entry):
    """The whole file."""

    version: Literal[1]
    environments: dict[Name, EnvironmentEntry] = Field(min_length=1)
    jobs: dict[Name, JobEntry] = {}
    alerts: list[AlertEntry] = []


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values)
