"""An event on the bus, or a schedule that came due, starts the jobs that wait for it.

A sync is remembered before any run is made of it: whoever dies in between is called again with the same event, and a
run that decides by what it knows of sources finds its own cause there.
"""

from headgate.domain.events import ConnectorSynced, ScheduleFired
from headgate.domain.run import Run
from headgate.domain.triggers import started_by_schedule, started_by_sync, sync_of
from headgate.errors import HeadgateError
from headgate.ports import Clock, EventBus, EventLog, Freshness, JobStore, RunStore
from headgate.usecases.start_job import start_job


def match_triggers(
    event: ConnectorSynced | ScheduleFired,
    *,
    jobs: JobStore,
    runs: RunStore,
    events: EventLog,
    freshness: Freshness,
    bus: EventBus,
    clock: Clock,
) -> list[Run]:
    """The runs of this event, made now or by an earlier delivery of it.

    One job that cannot be started does not hold up the others; the last failure is raised at the end.
    """
    if isinstance(event, ScheduleFired):
        starts = started_by_schedule(jobs.jobs(), event)
    else:
        freshness.record_sync(sync_of(event, clock.now()))
        starts = started_by_sync(jobs.jobs(), event)
        if not starts:
            events.mark(event.event_id, "unmapped")
    started: list[Run] = []
    failure: HeadgateError | None = None
    for job, cause in starts:
        try:
            started.append(start_job(job, cause, jobs=jobs, runs=runs, bus=bus))
        except HeadgateError as fault:
            failure = fault
    if failure is not None:
        raise failure
    return started
