"""How many runs may be in progress at once, as the applied files say it now."""

from collections.abc import Callable

from headgate.domain.job import Environment, Job
from headgate.domain.run import Run
from headgate.domain.run_queue import Limits
from headgate.errors import NotFoundError
from headgate.ports import JobStore


def read_limits(jobs: JobStore) -> Callable[[Run], Limits]:
    """The limits that hold for a run. Of a job that is not applied any more: one at a time."""
    applied: dict[str, Job] = {job.name: job for job in jobs.jobs()}
    account = jobs.max_parallel_runs()
    environments: dict[str, Environment | None] = {}

    def limits_of(run: Run) -> Limits:
        if run.environment not in environments:
            environments[run.environment] = _environment(run.environment, jobs)
        job, environment = applied.get(run.job), environments[run.environment]
        return Limits(
            job=job.max_parallel_runs if job is not None else 1,
            environment=environment.max_parallel_runs if environment is not None else None,
            account=account,
        )

    return limits_of


def _environment(name: str, jobs: JobStore) -> Environment | None:
    try:
        return jobs.environment(name)
    except NotFoundError:
        return None
