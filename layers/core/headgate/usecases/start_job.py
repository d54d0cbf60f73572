"""Make the run of one cause, once, and say that it waits."""

from headgate.domain.events import RunQueued
from headgate.domain.job import Job
from headgate.domain.overrides import NO_OVERRIDES, Overrides
from headgate.domain.run import Cause, Run
from headgate.domain.run_queue import policy_of
from headgate.errors import NotFoundError
from headgate.ports import EventBus, JobStore, RunStore


def start_job(
    job: Job,
    cause: Cause,
    *,
    jobs: JobStore,
    runs: RunStore,
    bus: EventBus,
    from_start: bool = False,
    also: tuple[Cause, ...] = (),
    overrides: Overrides = NO_OVERRIDES,
    on_conflict: str = "",
    bundle: str = "",
) -> Run:
    """The run of this cause. Asking twice gives the same run; it is announced again, which does no harm.

    from_start: it reuses nothing. also: further causes that it answers to. on_conflict: instead of what the job says
    (domain/run_queue.py). bundle: instead of the one that the job's environment points at. A job whose environment has
    no bundle yet gets a run too: it ends in an error that says what to publish, which somebody sees, where a dropped
    event would be seen by nobody.
    """
    run, _ = runs.create_run(
        job,
        bundle or _bundle_of(job, jobs),
        cause,
        from_start=from_start,
        also=also,
        overrides=overrides,
        on_conflict=policy_of(job, cause, on_conflict, overridden=overrides != NO_OVERRIDES),
    )
    bus.publish(RunQueued(run_id=run.run_id, job=run.job))
    return run


def _bundle_of(job: Job, jobs: JobStore) -> str:
    try:
        return jobs.bundle_of(job.environment)
    except NotFoundError:
        return ""
