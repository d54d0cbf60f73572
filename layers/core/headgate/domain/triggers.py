"""What a connector's sync is remembered as, and what a run builds that it started."""

from headgate.domain.events import ConnectorSynced
from headgate.domain.job import Job, downstream_of
from headgate.domain.signal import happened_at
from headgate.domain.sync import Sync


def sync_of(event: ConnectorSynced, arrived_at: float) -> Sync:
    """What to remember of it."""
    at = happened_at(event.occurred_at, arrived_at)
    return Sync(event.provider, event.connector_id, event.connector_name, event.sync_id, at)


def steps_of_sync(job: Job, connector_id: str, connector_name: str) -> tuple[str, ...]:
    """What a run of this job does that a connector's sync started; nothing: the job does not wait for it."""
    names = [name for name in dict.fromkeys((connector_name, connector_id)) if name]
    if not set(names) & set(job.connectors):
        return ()
    return job.run or (downstream_of(names),)
