"""The queue of runs: what a new run does about the others of its job, and who may start.

dbt Cloud's rule is `queue_latest`: at most one run of a job waits, a newer one takes its place, and what is in progress
is left alone. Runs that somebody asked for are none of its business: they all wait.
"""

from collections.abc import Sequence

from headgate.domain.job import Job, downstream_of
from headgate.domain.run import Cause

QUEUE_LATEST = "queue_latest"
QUEUE_ALL = "queue_all"
SKIP = "skip"
CANCEL_RUNNING = "cancel_running"
# Whoever asked for a run by hand waits for that very run.
BY_HAND = frozenset({"api", "cli", "retry"})


def policy_of(job: Job, cause: Cause, asked: str = "", *, overridden: bool = False) -> str:
    """What a run of this cause does about others of its job.

    asked: what whoever starts it says, before the job. overridden: it is not what the job says, so that it cannot
    answer for another run, nor another for it.
    """
    said = asked or job.on_conflict
    apart = overridden or cause.kind in BY_HAND
    if said in ("", QUEUE_LATEST):
        return QUEUE_ALL if apart else QUEUE_LATEST
    return said


def steps_of(job: Job, causes: Sequence[Cause]) -> tuple[str, ...]:
    """The commands of a run that answers to these causes.

    A job without commands builds what lies downstream of all their connectors; one cause that no connector is behind
    (a schedule, a person) makes it everything of the job.
    """
    if job.run or not all(cause.connectors for cause in causes):
        return job.steps
    return (downstream_of(name for cause in causes for name in cause.connectors),)
