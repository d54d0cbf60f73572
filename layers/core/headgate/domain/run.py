"""A run: one execution of a job, from the event that caused it to its final status.

Statuses are the dbt platform's six; the allowed transitions are data, so that every writer obeys the same ones.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from headgate.domain.overrides import Overrides


class RunStatus(StrEnum):
    """The dbt platform's run statuses."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = frozenset({RunStatus.SUCCESS, RunStatus.ERROR, RunStatus.CANCELLED})

# A final status is final: of a cancel and a finish that race, the first writer wins.
TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.STARTING, RunStatus.ERROR, RunStatus.CANCELLED}),
    RunStatus.STARTING: frozenset({RunStatus.RUNNING, *FINAL}),
    RunStatus.RUNNING: FINAL,
    **{status: frozenset() for status in FINAL},
}


def sources_of(target: RunStatus) -> frozenset[RunStatus]:
    """The statuses from which a run may move to `target`."""
    return frozenset(source for source, targets in TRANSITIONS.items() if target in targets)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run exists. `key` makes it unique: the same cause never makes a second run of a job.

    kind: `fivetran`, `airbyte`, `gate`, `schedule`, `job`, `api`, `cli`, …; detail: one line for a person ("connector
    stripe, sync b470…"). connectors: names of the connectors whose data it announces; none: no connector did.
    """

    kind: str
    key: str
    detail: str = ""
    connectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job. Times are ISO 8601 in UTC; `steps` are the job's commands as they stood then.

    retry_of: the run that this one repeats from its failure on. first_step: where it begins (1-based); that step
    builds what failed, was skipped or never ended in the other run, unless `from_start`. from_start: everything is
    built, whatever went well there or is remembered. cancel: who asked to stop it and why, once somebody did.
    also: further causes that this run answers to: of an opened gate, and of queued runs that it took the place of.
    on_conflict, priority: as in the job, resolved when the run was made. superseded_by: the run that took its place;
    supersedes: those whose place it took. place: the number by which it stands in line, that of the first run that it
    answers for; 0: its own.
    """

    run_id: int
    job: str
    environment: str
    bundle: str
    steps: tuple[str, ...]
    cause: Cause
    status: RunStatus
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    execution_arn: str | None = None
    error: str | None = None
    # dbt status -> number of nodes, over all steps; written when the run ends
    counts: dict[str, int] = field(default_factory=dict)
    retry_of: int | None = None
    first_step: int = 1
    from_start: bool = False
    cancel: str | None = None
    also: tuple[Cause, ...] = ()
    on_conflict: str = "queue_all"
    priority: int = 0
    superseded_by: int | None = None
    supersedes: tuple[int, ...] = ()
    place: int = 0
    overrides: Overrides = field(default_factory=Overrides)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Everything that it answers to."""
        return (self.cause, *self.also)

    @property
    def cause_text(self) -> str:
        """Why it exists, in one line: `fivetran: connector stripe, sync b470 (and 2 more)`."""
        more = f" (and {len(self.also)} more)" if self.also else ""
        return self.cause.kind + (f": {self.cause.detail}" if self.cause.detail else "") + more

    @property
    def in_line(self) -> tuple[int, int, int]:
        """What queued runs are sorted by: the more urgent first, else who came first."""
        return (-self.priority, self.place or self.run_id, self.run_id)

    @property
    def execution_name(self) -> str:
        """Step Functions' name of this run: starting it twice starts it once."""
        return f"run-{self.run_id}"

    def with_status(self, status: RunStatus, **changes: object) -> "Run":
        """This run in another status, other fields changed alike."""
        return replace(self, status=status, **changes)  # type: ignore[arg-type]


def run_id_of(execution_name: str) -> int | None:
    """The run an execution belongs to, or None when the name is not ours."""
    prefix, _, number = execution_name.partition("-")
    return int(number) if prefix == "run" and number.isascii() and number.isdigit() else None
