"""A test of an environment: a run of its own, of no job, whose only step is `dbt debug`.

And which runs say nothing of their environment: what they find must not be taken for how it is.
"""

from headgate.domain.job import Environment, Job
from headgate.domain.run import Run

# No job is called so: a job's name has no slash.
_PREFIX = "env-test/"


def env_test(environment: Environment, job: Job | None = None) -> Job:
    """What a test of this environment runs; job: whose variables and secrets are tried."""
    name = f"{_PREFIX}{environment.name}" + (f"/{job.name}" if job else "")
    return Job(name, environment.name, ("dbt debug",), max_parallel_runs=100, deactivate_after=0)


def is_env_test(job: str) -> bool:
    return job.startswith(_PREFIX)


def tested_job(name: str) -> str:
    """The job whose variables the test of this name is about; empty: the environment's alone."""
    return name.removeprefix(_PREFIX).partition("/")[2]


def stands_for_environment(run: Run) -> bool:
    """Whether what a run built and found is the environment's: not in another schema, nor with variables of its own."""
    return not run.overrides.changes_parse and not is_env_test(run.job)
