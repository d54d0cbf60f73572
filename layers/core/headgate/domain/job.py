"""What users write in headgate.yml, as records: environments, jobs, alert rules.

Reading and checking the file is the border's work (adapters/jobs_file.py); these are its outcome.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headgate.domain.command import Command
from headgate.domain.declared_var import DeclaredVar
from headgate.domain.error_class import ErrorClass
from headgate.domain.gate import Gate
from headgate.domain.receiver import Receiver
from headgate.domain.schedule import Schedule

# What a synced connector is called by, whoever syncs it.
_CONNECTORS = ("fivetran", "airbyte")


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
    max_parallel_runs: of all its jobs together; None: no limit. variables: what `env_var()` reads. project: which
    project's file it is of; project_*: what that file says for all its environments (domain/variables.py).
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
    max_parallel_runs: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    project: str = ""
    project_variables: Mapping[str, str] = field(default_factory=dict)
    project_secrets: Mapping[str, str] = field(default_factory=dict)


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
class Job:
    """A saved definition: commands, environment, and what makes it start.

    node_timeout: seconds after which one node's attempt is cancelled, unless the node has its own; None: never.
    run: without commands, a run builds what lies downstream of the connectors that started it, and reuses the rest.
    on_conflict: what a new run does about others of this job (domain/run_queue.py); empty: it depends on what started
    it. priority: higher first. deactivate_after: failed runs in a row; 0: never. paused: by the jobs file.
    variables, secrets: before the environment's (domain/variables.py). vars: what whoever starts a run may set.
    """

    name: str
    environment: str
    run: tuple[str, ...]
    owner: str = ""
    description: str = ""
    gates: tuple[Gate, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    node_timeout: float | None = None
    reuse: ReusePolicy = field(default_factory=ReusePolicy)
    deadline: Deadline | None = None
    on_conflict: str = ""
    max_parallel_runs: int = 1
    priority: int = 0
    deactivate_after: int = 100
    paused: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    vars: tuple[DeclaredVar, ...] = ()

    @property
    def connectors(self) -> tuple[str, ...]:
        """The connectors that it waits for, by id or by name, whoever syncs them."""
        awaited = (one for gate in self.gates for one in gate.awaits)
        return tuple(dict.fromkeys(one.name for one in awaited if one.kind in _CONNECTORS))

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(Command.parse(line) for line in self.run)

    @property
    def steps(self) -> tuple[str, ...]:
        """What a run does that no connector started: without commands, what lies downstream of any of its own."""
        if self.run or not self.connectors:
            return self.run
        return (downstream_of(self.connectors),)


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
    """Everything one project's jobs files say. `origin` names what manages these jobs: the project, or the file.

    max_parallel_runs: of the whole stack; of several files the lowest holds; None: no limit. dbt_project: the name in
    the dbt_project.yml beside the file, if there is one: two projects' files may have the same name.
    """

    environments: tuple[Environment, ...]
    jobs: tuple[Job, ...]
    alerts: tuple[AlertRule, ...]
    origin: str = "headgate.yml"
    project: str = ""
    receivers: tuple[Receiver, ...] = ()
    max_parallel_runs: int | None = None
    dbt_project: str = ""
