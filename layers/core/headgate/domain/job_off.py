"""Why nothing but a person starts a run of a job."""

from headgate.domain.activity import Activity
from headgate.domain.job import Job


def why_off(job: Job, activity: Activity) -> str:
    """The reason; empty: events and schedules start it."""
    if job.paused:
        return "paused in its jobs file"
    if activity.paused:
        return f"paused {activity.paused}"
    if activity.deactivated_at is not None:
        failed = f" after {activity.failures} failed runs in a row" if activity.failures else ""
        return f"deactivated at {activity.deactivated_at}{failed}"
    return ""
