"""How many runs may be in progress at once, as the applied files say it now."""

from collections.abc import Callable

from headgate.domain.applied import lowest_limit
from headgate.domain.run import Run
from headgate.domain.run_queue import Limits
from headgate.ports import JobStore


def read_limits(jobs: JobStore) -> Callable[[Run], Limits]:
    """The limits that hold for a run, read at once. Of a job that is not applied any more: one at a time."""
    files = [applied.file for applied in jobs.applied()]
    of_jobs = {job.name: job.max_parallel_runs for file in files for job in file.jobs}
    of_environments = {found.name: found.max_parallel_runs for file in files for found in file.environments}
    account = lowest_limit(files)

    def limits_of(run: Run) -> Limits:
        return Limits(
            job=of_jobs.get(run.job, 1),
            environment=of_environments.get(run.environment),
            account=account,
        )

    return limits_of
