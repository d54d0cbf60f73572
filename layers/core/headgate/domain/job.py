"""What users write in headgate.yml, as records: environments, jobs, alert rules.

Reading and checking the file is the border's work (adapters/jobs_file.py); these are its outcome.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headgate.domain.command import Command
from headgate.domain.error_class import ErrorClass


@dataclass(frozen=True, slots=True)
class RunnerSize:
    """The pool of runners of an environment. cpu: ECS units (1024 = 1 vCPU); memory: MiB."""

    max: int = 4
    cpu: int = 1024
    memory: int = 4096
    spot: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """Where relations live. `secrets`: environment variable -> `<secret name>#<json key>`, read by the runner.

    concurrency: how many nodes may run on the warehouse at once, over all runs; None: no limit. pools: the same for
    the nodes of a named pool (`meta.headgate.pool`). error_classes: the environment's own, before the built-in ones.
    """

    name: str
    target: str
    schema: str
    threads: int = 4
    runners: RunnerSize = field(default_factory=RunnerSize)
    secrets: Mapping[str, str] = field(default_factory=dict)
    concurrency: int | None = None
    pools: Mapping[str, int] = field(default_factory=dict)
    error_classes: tuple[ErrorClass, ...] = ()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a node of a job gets another attempt, and what a retry from failure repeats.

    max: attempts after the first one. on: names or groups of error classes. non_idempotent: whether an attempt that
    may have written (its runner was lost, it ran into its time limit) is repeated although repeating it can write
    twice. scope: what `headgate retry` builds again when a test failed: `test`, or `model_and_test`.
    """

    max: int = 2
    on: tuple[str, ...] = ("transient",)
    non_idempotent: bool = False
    scope: str = "test"

    def allows(self, error_class: ErrorClass, counted: int) -> bool:
        """Whether another attempt follows a failure of this class.

        counted: the node's failed attempts of classes that count, this one among them.
        """
        named = error_class.name in self.on or (error_class.group != "" and error_class.group in self.on)
        return error_class.retry and named and counted <= self.max


@dataclass(frozen=True, slots=True)
class ReusePolicy:
    """What of a run need not be built again.

    unchanged: reuse what has neither new code nor new data. batch_tests: several generic tests of a model in one
    query. respect_window: a change of code waits for `build_after` as well. ignore_volatile: code whose outcome depends
    on the moment is no reason to build. look_every: after how long without a runner one is started only to see whether
    the relations are still there; 0: in every run. silent_after: how long a connector may say nothing before its
    sources count as unknown. Both in seconds.
    """

    unchanged: bool = False
    batch_tests: bool = False
    respect_window: bool = False
    ignore_volatile: bool = False
    look_every: float = 86_400.0
    silent_after: float = 86_400.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a job's runs should be over: a local time (`08:00`) in an IANA time zone."""

    finish_by: str
    timezone: str = "UTC"


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
    """A saved definition: commands, environment, and what makes it start.

    node_timeout: seconds after which one node's attempt is cancelled, unless the node has its own; None: never.
    run: without commands, a run builds what lies downstream of the connectors that started it, and reuses the rest.
    """

    name: str
    environment: str
    run: tuple[str, ...]
    owner: str = ""
    description: str = ""
    fivetran: FivetranTrigger | None = None
    schedule: Schedule | None = None
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    node_timeout: float | None = None
    reuse: ReusePolicy = field(default_factory=ReusePolicy)
    deadline: Deadline | None = None

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(Command.parse(line) for line in self.run)

    @property
    def steps(self) -> tuple[str, ...]:
        """What a run does that no connector started: without commands, what lies downstream of any of its own."""
        if self.run or self.fivetran is None:
            return self.run
        return (downstream_of(self.fivetran.connectors),)


def downstream_of(connectors: Iterable[str]) -> str:
    """The command that builds what lies downstream of these connectors' sources (the selection method `connector`).

    What a selection text cannot hold (spaces, commas, operators) is replaced by `?`, which matches it: rather too much
    than too little.
    """
    names = (re.sub(r"[^\w.-]", "?", name) for name in dict.fromkeys(connectors) if name)
    return f"dbt build --select {' '.join(shlex.quote(f'connector:{name}+') for name in names)}"


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
