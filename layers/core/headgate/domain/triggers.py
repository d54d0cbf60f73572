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
    cause = Cause(event.provider, event.event_id, f"connector {_label(event)}, sync {event.sync_id}")
    found = ((job, steps_of_sync(job, event.connector_id, event.connector_name)) for job in jobs)
    return [(replace(job, run=steps), cause) for job, steps in found if steps]


def steps_of_sync(job: Job, connector_id: str, connector_name: str) -> tuple[str, ...]:
    """What a run of this job does that a connector's sync started; nothing: the job does not wait for it."""
    names = [name for name in dict.fromkeys((connector_name, connector_id)) if name]
    if not set(names) & set(job.connectors):
        return ()
    return job.run or (downstream_of(names),)


def started_by_schedule(jobs: Iterable[Job], event: ScheduleFired) -> list[tuple[Job, Cause]]:
    """The schedule's own job, if it still has a schedule. Due time, not delivery time, makes the cause unique."""
    cause = Cause("schedule", event.scheduled_time, f"schedule, due {event.scheduled_time}")
    return [(job, cause) for job in jobs if job.name == event.job and job.schedules]


def _label(event: ConnectorSynced) -> str:
    return event.connector_name or event.connector_id
