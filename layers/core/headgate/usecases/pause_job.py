"""Pause and resume a job by hand: whether anything but a person starts it."""

from headgate.domain.applied import Applied
from headgate.domain.job import Job
from headgate.errors import InputError
from headgate.ports import Activities, Clock, JobStore


def pause_job(name: str, reason: str, *, jobs: JobStore, activities: Activities) -> Job:
    """reason: who does it and why, as in `by ana (the warehouse moves)`. Raises NotFoundError with the nearest name."""
    job = jobs.job(name)
    activities.pause(name, reason)
    return job


def resume_job(name: str, *, jobs: JobStore, activities: Activities, clock: Clock) -> Job:
    """Also switches a job on that its failures switched off. What came due while it was off is not made up for.

    Raises NotFoundError with the nearest name, InputError when the jobs file says that it is paused.
    """
    job = jobs.job(name)
    if job.paused:
        origin = next((found.file.origin for found in jobs.applied() if _has(found, name)), "its jobs file")
        raise InputError(
            f"{name} is paused by {origin} (jobs.{name}.paused: true): take that out there and apply it again"
        )
    if activities.activity(name).is_off:
        # First: whoever dies in between leaves it off.
        activities.record_due(name, clock.now())
    activities.resume(name)
    return job


def _has(applied: Applied, name: str) -> bool:
    return any(job.name == name for job in applied.file.jobs)
