"""Plan jobs: what an apply of a jobs file would change, and what speaks against it. Nothing is written."""

from collections.abc import Sequence

from headgate.domain.applied import Applied
from headgate.domain.job import JobsFile
from headgate.domain.jobs_plan import JobsPlan, Known, make_plan
from headgate.domain.webhook_secret import secret_name
from headgate.errors import HeadgateError, NotFoundError
from headgate.ports import Activities, JobStore, Scheduler, Secrets

_RECEIVER = "webhook"


def plan_jobs(
    file: JobsFile,
    *,
    jobs: JobStore,
    scheduler: Scheduler,
    activities: Activities,
    secrets: Secrets,
    replaces: Sequence[str] = (),
    sure: bool = False,
) -> JobsPlan:
    """replaces, sure: see domain/jobs_plan.py."""
    applied = {found.file.origin: found for found in jobs.applied()}
    known = Known(
        applied=applied,
        drift=_drift(applied, (file.origin, *replaces), scheduler),
        activities=activities.activities([job.name for job in file.jobs]),
        unpublished=[found.name for found in file.environments if not is_published(found.name, jobs)],
        without_secret=_without_secret(file, secrets),
    )
    return make_plan(file, known, replaces, sure=sure)


def _drift(applied: dict[str, Applied], origins: Sequence[str], scheduler: Scheduler) -> list[str]:
    """Against what was applied, not what is written: who changed a schedule by hand did it to that."""
    stored = {origin: applied[origin].file.jobs if origin in applied else () for origin in origins}
    return [told for origin, found in stored.items() for told in scheduler.drift(found, origin)]


def is_published(environment: str, jobs: JobStore) -> bool:
    """Whether anything was published for it."""
    try:
        return bool(jobs.bundle_of(environment))
    except NotFoundError:
        return False


def _without_secret(file: JobsFile, secrets: Secrets) -> list[str]:
    if not file.receivers:
        return []
    try:
        known = set(secrets.names(secret_name(_RECEIVER, "")))
    except HeadgateError:
        # Who applies jobs need not be allowed to list secrets.
        return []
    return [found.name for found in file.receivers if secret_name(_RECEIVER, found.name) not in known]
