"""The entries of jobs files as the domain's records."""

from collections.abc import Sequence

from headgate.adapters.jobs_file.alerts import alert_rule
from headgate.adapters.jobs_file.classes import error_class
from headgate.adapters.jobs_file.environments import EnvironmentEntry
from headgate.adapters.jobs_file.jobs import JobEntry, ReuseEntry
from headgate.adapters.jobs_file.receivers import receiver
from headgate.adapters.jobs_file.schedules import schedule
from headgate.adapters.jobs_file.variables import declared_var
from headgate.adapters.jobs_file.whole import FileEntry
from headgate.domain.job import Deadline, Environment, Job, JobsFile, RetryPolicy, ReusePolicy, RunnerSize


def jobs_file(files: Sequence[FileEntry], origin: str) -> JobsFile:
    """One record of all files; what they say once is taken from whichever says it."""
    project = next((found.project for found in files if found.project), "")
    variables = {name: value for found in files for name, value in found.variables.items()}
    secrets = {name: value for found in files for name, value in found.secrets.items()}
    limits = (found.account.max_parallel_runs for found in files)
    return JobsFile(
        environments=tuple(
            _environment(name, entry, project, variables, secrets)
            for found in files
            for name, entry in found.environments.items()
        ),
        jobs=tuple(_job(name, entry) for found in files for name, entry in found.jobs.items()),
        alerts=tuple(alert_rule(entry) for found in files for entry in found.alerts),
        origin=origin,
        project=project,
        receivers=tuple(receiver(name, entry) for found in files for name, entry in found.receivers.items()),
        max_parallel_runs=next((limit for limit in limits if limit is not None), None),
    )


def _environment(
    name: str, entry: EnvironmentEntry, project: str, variables: dict[str, str], secrets: dict[str, str]
) -> Environment:
    return Environment(
        name=name,
        target=entry.target,
        schema=entry.schema_,
        threads=entry.threads,
        runners=RunnerSize(**entry.runners.model_dump()),
        secrets=dict(entry.secrets),
        concurrency=entry.concurrency,
        pools=dict(entry.pools),
        error_classes=tuple(error_class(own, found) for own, found in entry.error_classes.items()),
        max_parallel_runs=entry.max_parallel_runs,
        variables=dict(entry.variables),
        project=project,
        project_variables=variables,
        project_secrets=secrets,
    )


def _job(name: str, entry: JobEntry) -> Job:
    retries, deadline = entry.retries, entry.deadline
    return Job(
        name=name,
        environment=entry.environment,
        run=tuple(entry.run or ()),
        owner=entry.owner,
        description=entry.description,
        gates=entry.when.gates(),
        schedules=tuple(schedule(found) for found in entry.when.schedule or ()),
        retries=RetryPolicy(retries.max, tuple(retries.on), retries.non_idempotent, retries.scope),
        node_timeout=entry.node_timeout,
        reuse=_reuse(entry.reuse, without_run=entry.run is None),
        deadline=Deadline(deadline.finish_by, deadline.timezone) if deadline else None,
        on_conflict=entry.on_conflict or "",
        max_parallel_runs=entry.max_parallel_runs,
        priority=entry.priority,
        deactivate_after=entry.deactivate_after,
        paused=entry.paused,
        variables=dict(entry.variables),
        secrets=dict(entry.secrets),
        vars=tuple(declared_var(own, found) for own, found in entry.vars.items()),
    )


def _reuse(entry: ReuseEntry, *, without_run: bool) -> ReusePolicy:
    # Without commands the job is there to build what is not fresh.
    return ReusePolicy(
        unchanged=without_run if entry.unchanged is None else entry.unchanged,
        batch_tests=entry.batch_tests,
        respect_window=entry.code_change == "respect_window",
        ignore_volatile=entry.volatile == "ignore",
        look_every=entry.look_every,
        silent_after=entry.silent_after,
    )
