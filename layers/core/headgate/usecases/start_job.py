"""Make the run of one cause, once, and say that it waits, or that it and others have ended by the queue's rules.

What is said here can get lost with whoever says it: a run that waits is found by the next look of dispatch_runs, an
end that nobody heard of by reap_runs.
"""

from headgate.domain.events import RunQueued
from headgate.domain.job import Job
from headgate.domain.overrides import NO_OVERRIDES, Overrides
from headgate.domain.run import Cause, Run
from headgate.domain.run_queue import policy_of
from headgate.errors import NotFoundError
from headgate.ports import EventBus, JobStore, RunStore
from headgate.usecases.announce_end import announce_end


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
    """The run of this cause: the only way to make one, but for retry_run. Asking twice gives the same run.

    from_start: it reuses nothing. also: further causes that it answers to. on_conflict: instead of what the job says
    (domain/run_queue.py). bundle: instead of the one that the job's environment points at. A job whose environment has
    no bundle yet gets a run too: it ends in an error that says what to publish, which somebody sees, where a dropped
    event would be seen by nobody.
    """
    run, made = runs.create_run(
        job,
        bundle or _bundle_of(job, jobs),
        cause,
        from_start=from_start,
        also=also,
        overrides=overrides,
        on_conflict=policy_of(job, cause, on_conflict, overridden=overrides.differs),
    )
    if not run.status.is_final:
        # Once more for a run that was known: whoever made it may have died before this.
        bus.publish(RunQueued(run_id=run.run_id, job=run.job))
    if made:
        _announce_ends(run, runs, bus)
    return run


def _announce_ends(run: Run, runs: RunStore, bus: EventBus) -> None:
    ended = (runs.get_run(run_id) for run_id in run.supersedes)
    for over in [run, *ended]:
        if over.status.is_final:
            announce_end(over, runs=runs, bus=bus)


def _bundle_of(job: Job, jobs: JobStore) -> str:
    try:
        return jobs.bundle_of(job.environment)
    except NotFoundError:
        return ""
