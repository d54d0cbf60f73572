"""Make the run of one cause, once, and say that it waits."""

from dataclasses import replace

from headgate.domain.events import RunQueued
from headgate.domain.job import Job
from headgate.domain.run import Cause, Run
from headgate.errors import NotFoundError
from headgate.ports import EventBus, JobStore, RunStore


def start_job(
    job: Job, cause: Cause, *, jobs: JobStore, runs: RunStore, bus: EventBus, from_start: bool = False
) -> Run:
    """The run of this cause. Asking twice gives the same run; it is announced again, which does no harm.

    from_start: it reuses nothing. A job whose environment has no bundle yet gets a run too: it ends in an error that
    says what to publish, which somebody sees, where a dropped event would be seen by nobody.
    """
    try:
        bundle = jobs.bundle_of(job.environment)
    except NotFoundError:
        bundle = ""
    run, _ = runs.create_run(replace(job, run=job.steps), bundle, cause, from_start=from_start)
    bus.publish(RunQueued(run_id=run.run_id, job=run.job))
    return run
