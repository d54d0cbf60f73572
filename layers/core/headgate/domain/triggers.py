"""Which jobs an event starts, and as what cause. One cause makes at most one run of a job."""

from collections.abc import Iterable

from headgate.domain.events import ConnectorSynced, ScheduleFired
from headgate.domain.job import Job
from headgate.domain.run import Cause


def started_by_sync(jobs: Iterable[Job], event: ConnectorSynced) -> list[tuple[Job, Cause]]:
    """Jobs that listen to this connector, by its id or by its name."""
    names = {event.connector_id, event.connector_name} - {""}
    cause = Cause(event.provider, event.event_id, f"connector {_label(event)}, sync {event.sync_id}")
    return [(job, cause) for job in jobs if job.fivetran and names & set(job.fivetran.connectors)]


def started_by_schedule(jobs: Iterable[Job], event: ScheduleFired) -> list[tuple[Job, Cause]]:
    """The schedule's own job, if it still has a schedule. Due time, not delivery time, makes the cause unique."""
    cause = Cause("schedule", event.scheduled_time, f"schedule, due {event.scheduled_time}")
    return [(job, cause) for job in jobs if job.name == event.job and job.schedule]


def _label(event: ConnectorSynced) -> str:
    return event.connector_name or event.connector_id
