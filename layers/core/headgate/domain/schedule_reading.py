"""What a schedule says: which local times in which zone, or every so many seconds. And what it may not say.

`every`, elapsed, counts from 00:00 UTC, as the dbt platform's intervals do. Where it divides a day, that is the same
times each day, in UTC; otherwise it counts on from the epoch.
"""

import re
from functools import lru_cache

from headgate.domain.cron import check_timezone, cron_times
from headgate.domain.daylight import DAY, HOUR, standard_zone
from headgate.domain.schedule import Schedule
from headgate.domain.wall_times import EVERY_DAY, WEEKDAYS, Days, WallTimes, wall_times
from headgate.errors import ScheduleError

MINUTE = 60
LONGEST_EVERY = 30 * DAY
MOST_TIMES = 96  # in one `at` list: every quarter of an hour
ALIGNED = ("elapsed", "wall_clock")
DST = ("next_valid", "skip", "utc_fixed")
CATCH_UP = ("latest", "all", "none")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def check_schedule(schedule: Schedule, now: float) -> None:
    """Raise ScheduleError for what cannot be deployed. now: a zone's standard time is that of now."""
    said = [name for name in ("cron", "every", "at") if getattr(schedule, name)]
    if len(said) != 1:
        raise ScheduleError(
            f"a schedule has exactly one of cron, every and at, not {' and '.join(said) or 'none'}"
        )
    check_timezone(schedule.timezone)
    for name, allowed in (("aligned", ALIGNED), ("dst", DST), ("catch_up", CATCH_UP)):
        if getattr(schedule, name) not in allowed:
            raise ScheduleError(f"{name} is one of {', '.join(allowed)}, not {getattr(schedule, name)!r}")
    if schedule.every:
        _check_every(schedule)
    elif schedule.aligned != ALIGNED[0]:
        raise ScheduleError(f"aligned goes with every: {said[0]} is on the wall clock anyway")
    if schedule.cron and schedule.days:
        raise ScheduleError("days go with at and every; cron has a field of its own for them (the fifth)")
    read_times(schedule)
    read_zone(schedule, now)


def _check_every(schedule: Schedule) -> None:
    every, text = schedule.every, span_text(schedule.every)
    if not MINUTE <= every <= LONGEST_EVERY or every % MINUTE:
        raise ScheduleError(
            f"every {text}: it is whole minutes, from 1 minute to {LONGEST_EVERY // DAY} days"
        )
    if schedule.aligned == "wall_clock":
        if DAY % every:
            raise ScheduleError(
                f"every {text} does not divide a day, so no wall clock repeats it: use aligned: elapsed, or at"
            )
    elif schedule.dst == "utc_fixed":
        raise ScheduleError("dst utc_fixed: every counts elapsed time, which no change of clocks touches")
    elif schedule.days and DAY % every:
        raise ScheduleError(f"every {text} does not divide a day: it cannot be kept to some days")
    elif schedule.days and schedule.timezone != "UTC":
        raise ScheduleError(
            "days of a schedule that counts elapsed time are days in UTC: use aligned: wall_clock for days of "
            f"{schedule.timezone}, or leave the time zone out"
        )


@lru_cache(maxsize=4_096)
def read_times(schedule: Schedule) -> tuple[WallTimes, ...]:
    """Its local times, in the zone of `read_zone`; none: it is an interval that no day repeats (`interval`)."""
    if schedule.cron:
        return cron_times(schedule.cron)
    days = _days(schedule.days)
    if not schedule.every:
        return wall_times(_times(schedule.at), days)
    if interval(schedule):
        return ()
    return wall_times(
        range(0, DAY // MINUTE, int(schedule.every) // MINUTE), days, is_open=schedule.every < DAY
    )


def interval(schedule: Schedule) -> int:
    """Seconds between two times, counted on from the epoch; 0: the same local times come again each day."""
    return int(schedule.every) if schedule.every and DAY % schedule.every else 0


def read_zone(schedule: Schedule, now: float) -> str:
    """The zone on whose wall clock it is read. Raises ScheduleError where `utc_fixed` has none."""
    if schedule.every and schedule.aligned == "elapsed":
        return "UTC"
    return standard_zone(schedule.timezone, now) if schedule.dst == "utc_fixed" else schedule.timezone


def span_text(seconds: float) -> str:
    """`2 h`, `90 min`, `3 days`."""
    for size, word in ((DAY, "days"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= size and not seconds % size:
            return "1 day" if seconds == DAY else f"{seconds / size:.0f} {word}"
    return f"{seconds:g} s"


def _times(at: tuple[str, ...]) -> list[int]:
    if len(at) > MOST_TIMES:
        raise ScheduleError(
            f"at has {len(at)} times; more than {MOST_TIMES} a day are better said by cron or every"
        )
    found = []
    for text in at:
        time = _TIME.fullmatch(text)
        if time is None:
            raise ScheduleError(f"at: {text!r} is not a local time such as 08:00")
        found.append(int(time[1]) * 60 + int(time[2]))
    return found


def _days(days: tuple[str, ...]) -> Days:
    for day in days:
        if day not in WEEKDAYS:
            raise ScheduleError(f"days: {day!r} is not one of {', '.join(WEEKDAYS)}")
    numbers = frozenset(WEEKDAYS.index(day) for day in days)
    return Days(of_week=numbers) if numbers and len(numbers) < len(WEEKDAYS) else EVERY_DAY
