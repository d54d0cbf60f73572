"""Which jobs an event starts, and as what cause. One cause makes at most one run of a job."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from headgate.domain.events import ConnectorSynced, ScheduleFired
from headgate.domain.job import Job, downstream_of
from headgate.domain.run import Cause
from headgate.domain.sync import Sync


def sync_of(event: ConnectorSynced, arrived_at: float) -> Sync:
    """What to remember of it. Nothing ends after it was heard of, whatever the provider's clock says.

    A time that cannot be read is the time of arrival. A clock ahead of ours would hide every later sync until then.
    """
    try:
        moment = datetime.fromisoformat(event.occurred_at)
    except ValueError:
        moment = datetime.fromtimestamp(arrived_at, UTC)
    ended_at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    at = min(ended_at, arrived_at)
    return Sync(event.provider, event.connector_id, event.connector_name, event.sync_id, at)


def started_by_sync(jobs: Iterable[Job], event: ConnectorSynced) -> list[tuple[Job, Cause]]:
    """Jobs that listen to this connector, by its id or by its name.

    One without commands gets the command that builds what lies downstream of this connector.
    """
    names = list(dict.fromkeys(name for name in (event.connector_name, event.connector_id) if name))
    cause = Cause(event.provider, event.event_id, f"connector {_label(event)}, sync {event.sync_id}")
    return [
        (job if job.run else replace(job, run=(downstream_of(names),)), cause)
        for job in jobs
        if job.fivetran and set(names) & set(job.fivetran.connectors)
    ]


def started_by_schedule(jobs: Iterable[Job], event: ScheduleFired) -> list[tuple[Job, Cause]]:
    """The schedule's own job, if it still has a schedule. Due time, not delivery time, makes the cause unique."""
    cause = Cause("schedule", event.scheduled_time, f"schedule, due {event.scheduled_time}")
    return [(job, cause) for job in jobs if job.name == event.job and job.schedule]


def _label(event: ConnectorSynced) -> str:
    return event.connector_name or event.connector_id
