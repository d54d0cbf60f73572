"""What users write in headgate.yml, as records: environments, jobs, alert rules.

Reading and checking the file is the border's work (adapters/jobs_file.py); these are its outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headgate.domain.command import Command


@dataclass(frozen=True, slots=True)
class RunnerSize:
    """The pool of runners of an environment. cpu: ECS units (1024 = 1 vCPU); memory: MiB."""

    max: int = 4
    cpu: int = 1024
    memory: int = 4096
    spot: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """Where relations live. `secrets`: environment variable -> `<secret name>#<json key>`, read by the runner."""

    name: str
    target: str
    schema: str
    threads: int = 4
    runners: RunnerSize = field(default_factory=RunnerSize)
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FivetranTrigger:
    """Start when one of these connectors (by id or by name) has synced successfully."""

    connectors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Start at these local times. cron: five fields; timezone: IANA name."""

    cron: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Job:
    """A saved definition: commands, environment, and what makes it start."""

    name: str
    environment: str
    run: tuple[str, ...]
    owner: str = ""
    description: str = ""
    fivetran: FivetranTrigger | None = None
    schedule: Schedule | None = None

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(Command.parse(line) for line in self.run)


@dataclass(frozen=True, slots=True)
class AlertRule:
    """Who is told. `match`: tag and severity (`error` or `warn`); `send`: (channel kind, address) pairs."""

    match: Mapping[str, str]
    send: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class JobsFile:
    """Everything one headgate.yml says. `origin` names the file that manages these jobs."""

    environments: tuple[Environment, ...]
    jobs: tuple[Job, ...]
    alerts: tuple[AlertRule, ...]
    origin: str = "headgate.yml"
