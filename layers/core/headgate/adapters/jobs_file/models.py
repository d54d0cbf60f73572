"""What may be written in a jobs file, as pydantic models: the key names are the contract with its readers.

Types are strict: a number in quotes is a text, and saying so beats guessing.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from headgate.domain.command import Command
from headgate.domain.fargate import FARGATE_MEMORY
from headgate.domain.schedule import check_cron, check_timezone
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
        check(text)


def _check_variable(name: str) -> None:
    if name.startswith(("HEADGATE_", "AWS_")):
        raise InputError(f"{name} steers the runner itself and cannot be a secret")


_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$"
Name = Annotated[str, StringConstraints(pattern=_NAME)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Cron = Annotated[str, _checked(check_cron)]
TimeZone = Annotated[str, _checked(check_timezone)]
CommandLine = Annotated[str, _checked(_check_command)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), _checked(_check_variable)]
SecretKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/_+=.@-]+#[^#\s]+$")]
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


class EnvironmentEntry(_Entry):
    """One entry of `environments:`."""

    target: Text
    schema_: Text = Field(alias="schema")
    threads: int = Field(4, ge=1, le=256)
    runners: RunnersEntry = RunnersEntry()
    secrets: dict[Variable, SecretKey] = {}


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


class JobEntry(_Entry):
    """One entry of `jobs:`."""

    environment: Name
    owner: str = ""
    description: str = ""
    when: WhenEntry = WhenEntry()
    run: list[CommandLine] = Field(min_length=1)


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
