"""What EventBridge Scheduler is told: one entry per cron expression that says it, and one per time made up for.

Zones and changes of clocks are Scheduler's business: it leaves out a local time that does not exist and takes a
repeated one once. Only what `next_valid` adds to that is told it ahead, for ten years; every apply tells more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor

from headgate.domain.daylight import DAY, HOUR, Change, changes
from headgate.domain.fire import made_up, native_fires
from headgate.domain.job import Job
from headgate.domain.schedule import Schedule
from headgate.domain.schedule_reading import MINUTE, interval, read_times, read_zone
from headgate.domain.wall_times import ALL_MONTHS, LAST, WEEKDAYS, WallTimes

HORIZON = 10 * 366 * DAY
# A one-off that is missing is worth a word when it is due within this time: the horizon moves on every day.
EXPECTED = HORIZON / 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One schedule of EventBridge Scheduler.

    expression: `cron(…)`, `rate(…)` or `at(…)`, in `timezone`. start: when the first time of a rate is due (epoch
    seconds), and `interval` its seconds; None: it is no rate. once: the instant of a one-off (epoch seconds); None: it
    comes again and again.
    """

    expression: str
    timezone: str = "UTC"
    start: float | None = None
    interval: int = 0
    once: float | None = None

    def begins_alike(self, start: float | None) -> bool:
        """Whether a rate that began at `start` comes due at this one's times: it goes on as it is."""
        if self.start is None or start is None:
            return self.start == start
        return (self.start - start) % self.interval == 0


def entries(schedule: Schedule, now: float) -> tuple[Entry, ...]:
    """What this schedule becomes, from now on. Two of them may come due at one instant: that is one cause of a run.

    Raises ScheduleError as the schedule's reading does.
    """
    if every := interval(schedule):
        return (Entry(_rate(every), start=float((floor(now) // every + 1) * every), interval=every),)
    zone = read_zone(schedule, now)
    recurring = tuple(Entry(f"cron({_fields(times)})", zone) for times in read_times(schedule))
    return recurring + tuple(_one_off(change, zone) for change in _to_make_up(schedule, zone, now))


def job_entries(job: Job, now: float) -> dict[str, Entry]:
    """The entries of all the job's schedules, by name: `load`, `load.2`, `load.dst-2027-03-28`.

    A one-off is left out where another schedule of the job comes due at that instant anyway. A job that its file
    pauses has no one-offs: what comes again is kept, switched off.
    """
    found = dict.fromkeys(entry for schedule in job.schedules for entry in entries(schedule, now))
    recurring = [entry for entry in found if entry.once is None]
    names = {_numbered(job.name, number): entry for number, entry in enumerate(recurring, 1)}
    if job.paused:
        return names
    made = {entry.once: entry for entry in found if entry.once is not None}
    for at, entry in sorted(made.items()):
        if not any(_comes_due(schedule, at, now) for schedule in job.schedules):
            day = entry.expression.removeprefix("at(").partition("T")[0]
            name = f"{job.name}.dst-{day}"
            names[name if name not in names else f"{name}.{datetime.fromtimestamp(at, UTC):%H%M}"] = entry
    return names


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}.{number}"


def _to_make_up(schedule: Schedule, zone: str, now: float) -> Iterator[Change]:
    if schedule.dst != "next_valid":
        return
    times = read_times(schedule)
    for change in changes(zone, now, now + HORIZON):
        if made_up(times, change) and not any(native_fires(times, zone, change.at - 1, change.at)):
            yield change


def _comes_due(schedule: Schedule, at: float, now: float) -> bool:
    """By itself, without being made up for."""
    if every := interval(schedule):
        return at % every == 0
    return any(native_fires(read_times(schedule), read_zone(schedule, now), at - 1, at))


def _one_off(change: Change, zone: str) -> Entry:
    local = datetime.fromtimestamp(change.at + change.after, UTC)
    return Entry(f"at({local:%Y-%m-%dT%H:%M:%S})", zone, once=float(change.at))


def _rate(seconds: int) -> str:
    for size, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds % size == 0:
            number = seconds // size
            return f"rate({number} {word}{'s' if number > 1 else ''})"
    raise AssertionError(f"{seconds} seconds are no whole minutes")


def _fields(times: WallTimes) -> str:
    """Minute, hour, day of month, month, day of week, year. Values are written out: the two crons read steps apart."""
    days = times.days
    of_month, of_week = "?", "?"
    if days.of_month:
        of_month = _written(days.of_month, 31)
    elif days.last_of_month:
        of_month = "L"
    elif days.of_week:
        of_week = _written(days.of_week, 7, WEEKDAYS)
    elif days.nth is not None:
        weekday, which = days.nth
        # EventBridge counts days from 1, Sunday.
        of_week = f"{weekday + 1}L" if which == LAST else f"{weekday + 1}#{which}"
    else:
        of_month = "*"
    month = "*" if times.months == ALL_MONTHS else _written(times.months, 12)
    return f"{_written(times.minutes, 60)} {_written(times.hours, 24)} {of_month} {month} {of_week} *"


def _written(values: frozenset[int], all_of_them: int, names: Sequence[str] = ()) -> str:
    if len(values) == all_of_them:
        return "*"
    ordered = sorted(values)
    words = [names[value] if names else str(value) for value in ordered]
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{words[0]}-{words[-1]}"
    return ",".join(words)
