"""Once a minute: start what came due by a schedule and was never heard of, as the schedule wants it caught up.

EventBridge Scheduler tells of most due times within a minute, and retries what it cannot deliver for an hour. What it
lost, or what fell into an outage, has no run: that is looked for, from the last due time that was settled on
(Activity.last_due, the watermark) until ten minutes ago. A due time is one cause: whoever is late finds its run.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headgate.domain.activity import Activity
from headgate.domain.due import due_cause
from headgate.domain.instant import epoch
from headgate.domain.job import Job
from headgate.domain.job_off import why_off
from headgate.domain.missed import ALL, NONE, Due, comes_due, due_times
from headgate.domain.run import Run, RunStatus
from headgate.domain.run_queue import QUEUE_ALL
from headgate.errors import HeadgateError
from headgate.ports import Activities, Clock, EventBus, EventLog, JobStore, RunStore
from headgate.usecases.one_by_one import one_by_one
from headgate.usecases.record_event import record_due_time
from headgate.usecases.start_job import start_job

GRACE = 600.0
# After an outage the runs of all jobs begin over some minutes, not at once.
MOST_AT_ONCE = 20
# What was missed longer ago is passed over. Less than a cause is kept (30 days), so none makes a second run.
LONGEST = 7 * 86_400.0
# Of one schedule in one look.
MOST_LOOKED_UP = 200
# A watermark moves on at least this often: a schedule that was changed has missed nothing of before.
MOVED_EVERY = 3_600.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What of a job is to be begun, oldest first, and until when everything is settled once that is done."""

    job: Job
    missed: tuple[Due, ...]
    settled: float

    def first(self, count: int) -> "Backlog":
        """The part of it that is begun in this look."""
        if count == len(self.missed):
            return self
        return Backlog(self.job, self.missed[:count], self.missed[count - 1].at)


def catch_up(
    *,
    jobs: JobStore,
    activities: Activities,
    runs: RunStore,
    bus: EventBus,
    events: EventLog,
    clock: Clock,
) -> list[Run]:
    """The runs that this look began, at most twenty: what is left is the next look's.

    Of a job that is seen for the first time nothing is caught up, nor of one that is paused or deactivated. Whoever
    dies between two calls is made good by the next look. One job that fails holds up no other; the last failure is
    raised at the end.
    """
    now = clock.now()
    scheduled = [job for job in jobs.jobs() if job.schedules]
    known = activities.activities([job.name for job in scheduled])
    found: list[Backlog] = []

    def look(job: Job) -> Iterator[Run]:
        found.extend(_look(job, known[job.name], now, activities, runs, events))
        return iter(())

    def begin(backlog: Backlog) -> Iterator[Run]:
        last = backlog.missed[-1]
        for due in backlog.missed:
            yield _begin(backlog.job, due, jobs, runs, bus, events)
            activities.record_due(backlog.job.name, backlog.settled if due is last else due.at)

    failure: HeadgateError | None = None
    try:
        one_by_one(scheduled, look)
    except HeadgateError as fault:
        failure = fault
    begun = one_by_one(_dealt_out(found), begin)
    if failure is not None:
        raise failure
    return begun


def _look(
    job: Job, activity: Activity, now: float, activities: Activities, runs: RunStore, events: EventLog
) -> Iterator[Backlog]:
    since, until = activity.last_due, now - GRACE
    if not since or why_off(job, activity):
        # What came due before it was known, or while it was off, is not caught up: not later, either.
        if _moves(job, since, now):
            activities.record_due(job.name, now)
        return
    if not _moves(job, since, until):
        return
    backlog = _backlog(job, max(since, now - LONGEST), until, now, runs, events)
    if backlog.missed:
        yield backlog
    else:
        activities.record_due(job.name, backlog.settled)


def _moves(job: Job, since: float, until: float) -> bool:
    return until - since >= MOVED_EVERY or comes_due(job.schedules, since, until)


def _backlog(job: Job, since: float, until: float, now: float, runs: RunStore, events: EventLog) -> Backlog:
    due_then, settled = due_times(job.schedules, since, until, now, MOST_LOOKED_UP)
    missed: list[Due] = []
    for due in due_then:
        run = runs.run_of(job.name, due_cause(due.at))
        if run is not None:
            if _late(run, due) >= GRACE:  # a look may have died before it said so
                _tell(job, due, _started(run, due), events, run)
        elif due.catch_up == NONE:
            _tell(job, due, "missed, and passed over: catch_up is none", events)
        elif newer := _run_of_newer(job, due, runs):
            _tell(job, due, f"missed, and passed over: run {newer.run_id} is of a later time", events)
        else:
            missed.append(due)
        if len(missed) == MOST_AT_ONCE:
            return Backlog(job, tuple(missed), due.at)
    return Backlog(job, tuple(missed), settled)


def _run_of_newer(job: Job, due: Due, runs: RunStore) -> Run | None:
    found = (runs.run_of(job.name, due_cause(at)) for at in reversed(due.newer))
    return next((run for run in found if run is not None), None)


def _dealt_out(backlogs: Sequence[Backlog]) -> list[Backlog]:
    """Each job's oldest first, then each one's second, until it is enough for one look."""
    turns = sorted(
        (turn, due.at, place)
        for place, backlog in enumerate(backlogs)
        for turn, due in enumerate(backlog.missed)
    )
    share = Counter(place for _, _, place in turns[:MOST_AT_ONCE])
    return [backlogs[place].first(count) for place, count in share.items()]


def _begin(job: Job, due: Due, jobs: JobStore, runs: RunStore, bus: EventBus, events: EventLog) -> Run:
    """Its run, noted with the event that nobody sent. Of a schedule that catches up all, none replaces another."""
    event_id = record_due_time(job.name, due.at, events=events)
    each = QUEUE_ALL if due.catch_up == ALL else ""
    run = start_job(job, due_cause(due.at), jobs=jobs, runs=runs, bus=bus, on_conflict=each)
    events.note(event_id, job.name, _started(run, due), run.run_id)
    return run


def _tell(job: Job, due: Due, text: str, events: EventLog, run: Run | None = None) -> None:
    event_id = record_due_time(job.name, due.at, events=events)
    events.note(event_id, job.name, text, run.run_id if run else None)


def _started(run: Run, due: Due) -> str:
    """The same words whenever they are said."""
    how = f"{round(_late(run, due) / 60)} min late"
    if run.status is RunStatus.CANCELLED and run.error:
        return f"run {run.run_id}, {how}, {run.error}"
    return f"started run {run.run_id}, {how}"


def _late(run: Run, due: Due) -> float:
    return epoch(run.created_at) - due.at
