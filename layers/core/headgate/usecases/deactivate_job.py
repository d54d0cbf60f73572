"""Switch a job off whose runs fail one after the other, and tell somebody; `headgate jobs resume` switches it on.

dbt Cloud does so after 100 failed runs. The alert goes out before the job is off: whoever dies in between does both
again, and route_alerts sends an alert once.
"""

from headgate.domain.alerts import DEACTIVATED, Alert, first_line
from headgate.domain.instant import iso
from headgate.domain.job import Job
from headgate.domain.run import Run, RunStatus
from headgate.ports import Activities, AlertTopic, Clock, JobStore


def deactivate_job(
    run: Run,
    *,
    jobs: JobStore,
    activities: Activities,
    alerts: AlertTopic,
    clock: Clock,
    console_url: str,
) -> bool:
    """Look at the job of a run that has ended. Whether it is off because of this run. Safe to repeat.

    A job that is not applied any more has nothing to switch off.
    """
    if run.status is not RunStatus.ERROR:
        return False
    activity = activities.activity(run.job)
    if activity.failures == 0 or activity.deactivated_at is not None:
        return False
    job = next((job for job in jobs.jobs() if job.name == run.job), None)
    if job is None or not 0 < job.deactivate_after <= activity.failures:
        return False
    alerts.publish(_alert(run, job, activity.failures, console_url))
    return activities.deactivate(job.name, job.deactivate_after, iso(clock.now()))


def _alert(run: Run, job: Job, failures: int, console_url: str) -> Alert:
    last = f" The last one: {first_line(run.error)}" if run.error else ""
    return Alert(
        run_id=run.run_id,
        job=job.name,
        environment=run.environment,
        node=f"job.{job.name}",
        status=DEACTIVATED,
        severity="error",
        error=first_line(
            f"switched off after {failures} failed runs in a row; `headgate jobs resume {job.name}` switches it on "
            f"again.{last}"
        ),
        url=f"{console_url}/runs/{run.run_id}",
        owner=job.owner,
    )
