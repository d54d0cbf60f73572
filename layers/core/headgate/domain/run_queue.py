"""The queue of runs: what a new run does about the others of its job, and who may start.

dbt Cloud's rule is `queue_latest`: at most one run of a job waits, a newer one takes its place, and what is in progress
is left alone. Runs that somebody asked for are none of its business: they all wait. Whoever takes a run's place
answers to its causes as well: what that run was to build is built.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from headgate.domain.job import Job, downstream_of
from headgate.domain.run import Cause, Run, RunStatus

QUEUE_LATEST = "queue_latest"
QUEUE_ALL = "queue_all"
SKIP = "skip"
CANCEL_RUNNING = "cancel_running"
# Whoever asked for a run by hand waits for that very run.
BY_HAND = frozenset({"api", "cli", "retry"})
# What a run may remember of its causes, in characters (an item of the table holds 400 kB); else runs wait side by side.
MOST_OF_CAUSES = 60_000
# Runs whose place one run takes: a transaction has 100 actions.
MOST_SUPERSEDED = 80


@dataclass(frozen=True, slots=True)
class Entry:
    """A new run, and what comes of others: `superseded` waited and end now, `stopped` are to be cancelled."""

    run: Run
    superseded: tuple[Run, ...] = ()
    stopped: tuple[Run, ...] = ()

    @property
    def superseding_text(self) -> str:
        """The error of those that waited."""
        return f"superseded by run {self.run.run_id}"

    @property
    def stopping_text(self) -> str:
        """Why the others are cancelled, as it follows "cancelled"."""
        return f"for run {self.run.run_id}, which takes its place (on_conflict: {CANCEL_RUNNING})"


def policy_of(job: Job, cause: Cause, asked: str = "", *, overridden: bool = False) -> str:
    """What a run of this cause does about others of its job.

    asked: what whoever starts it says, before the job. overridden: it is not what the job says, so that it cannot
    answer for another run, nor another for it.
    """
    said = asked or job.on_conflict
    if said in ("", QUEUE_LATEST):
        return QUEUE_ALL if overridden or cause.kind in BY_HAND else QUEUE_LATEST
    return QUEUE_ALL if said == CANCEL_RUNNING and overridden and not asked else said


def steps_of(job: Job, causes: Sequence[Cause]) -> tuple[str, ...]:
    """The commands of a run that answers to these causes.

    A job without commands builds what lies downstream of all their connectors; one cause that no connector is behind
    (a schedule, a person) makes it everything of the job.
    """
    connectors = [name for cause in causes for name in cause.connectors]
    if job.run or not connectors:
        return job.steps
    everything = not all(cause.connectors for cause in causes)
    return (downstream_of([*job.connectors, *connectors] if everything else connectors),)


def enter(new: Run, job: Job, others: Iterable[Run]) -> Entry:
    """What becomes of a new run by its `on_conflict`. others: runs of its job that are not over."""
    there = sorted((run for run in others if not run.status.is_final), key=lambda run: -run.run_id)
    if new.on_conflict == SKIP and there:
        return Entry(_skipped(new, there))
    if new.on_conflict == QUEUE_LATEST:
        return _taking_over(new, job, [run for run in there if _may_be_superseded(run, new)])
    if new.on_conflict == CANCEL_RUNNING:
        # Those in progress first: they are what it is about, however many wait.
        going_first = sorted(there, key=lambda run: run.status is RunStatus.QUEUED)
        return _taking_over(new, job, [run for run in going_first if run.cancel is None])
    return Entry(new)


def _skipped(new: Run, there: Sequence[Run]) -> Run:
    # Sorted stably: of those in progress, or else of those that wait, the oldest.
    first = min(there, key=lambda run: (run.status is RunStatus.QUEUED, run.run_id))
    error = f"skipped: run {first.run_id} was in progress (on_conflict: {SKIP})"
    return new.with_status(RunStatus.CANCELLED, error=error, finished_at=new.created_at)


def _may_be_superseded(run: Run, new: Run) -> bool:
    apart = run.on_conflict == QUEUE_ALL or run.overrides.differs or run.environment != new.environment
    return run.status is RunStatus.QUEUED and run.cancel is None and not apart


def _taking_over(new: Run, job: Job, others: Sequence[Run]) -> Entry:
    causes = list(new.causes)
    taken: list[Run] = []
    for run in others[:MOST_SUPERSEDED]:
        # What somebody wanted otherwise than the job says is nothing that the job's own run could do for it.
        more = [cause for cause in run.causes if cause not in causes] if not run.overrides.differs else []
        if _size([*causes, *more]) > MOST_OF_CAUSES:
            break
        causes += more
        taken.append(run)
    united = replace(
        new,
        also=tuple(causes[1:]),
        steps=steps_of(job, causes),
        from_start=new.from_start or any(run.from_start for run in taken if not run.overrides.differs),
        supersedes=tuple(sorted(run.run_id for run in taken)),
        place=min((run.place or run.run_id for run in taken), default=0),
    )
    waited = tuple(run for run in taken if run.status is RunStatus.QUEUED)
    return Entry(united, waited, tuple(run for run in taken if run.status is not RunStatus.QUEUED))


def _size(causes: Iterable[Cause]) -> int:
    return sum(
        len(text) for cause in causes for text in (cause.kind, cause.key, cause.detail, *cause.connectors)
    )


# Who may start ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """How many runs may be in progress at once: of the job, of its environment, of the whole stack. None: any."""

    job: int = 1
    environment: int | None = None
    account: int | None = None


ONE_OF_A_JOB = Limits()


class Start(StrEnum):
    """What came of asking for a place; only TAKEN is true."""

    TAKEN = "taken"
    NOT_QUEUED = "it does not wait any more"
    JOB_FULL = "its job has no place"
    ENVIRONMENT_FULL = "its environment has no place"
    ACCOUNT_FULL = "the stack has no place"

    def __bool__(self) -> bool:
        return self is Start.TAKEN


@dataclass(frozen=True, slots=True)
class Scope:
    """What a place is taken in, and how many there are."""

    name: str
    limit: int
    full: Start


def scopes_of(run: Run, limits: Limits) -> tuple[Scope, ...]:
    """Where a run needs a place. The job's is always counted; the others only where there is a limit."""
    found = [Scope(f"job#{run.job}", limits.job, Start.JOB_FULL)]
    if limits.environment is not None:
        found.append(Scope(f"environment#{run.environment}", limits.environment, Start.ENVIRONMENT_FULL))
    if limits.account is not None:
        found.append(Scope("account", limits.account, Start.ACCOUNT_FULL))
    return tuple(found)
