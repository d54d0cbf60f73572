"""Cron as users write it: five fields, read into the times that EventBridge can be told; and time zones' names.

Cron is never evaluated in the cloud: EventBridge Scheduler does that, in the schedule's zone. So a cron
expression is accepted only when both cron and EventBridge can say it. Where cron means one of two things (the 1st, or
a Monday), it is said twice.
"""

from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache, lru_cache
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError

from headgate.domain.wall_times import EVERY_DAY, LAST, Days, WallTimes
from headgate.errors import ScheduleError

FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_RANGES = ("0-59", "0-23", "1-31 or L", "1-12 or JAN-DEC", "0-7 or SUN-SAT; 0 and 7 are Sunday")
# In some machines' time zones; Scheduler knows nothing of that machine.
_NO_PLACE = frozenset({"localtime", "posixrules", "Factory"})
_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def check_cron(text: str) -> None:
    """Raise ScheduleError naming the field that is wrong, its position and what it may hold."""
    cron_times(text)


@lru_cache(maxsize=4_096)
def cron_times(text: str) -> tuple[WallTimes, ...]:
    """When it comes due, as one record or, where both fields for days are restricted, several. Raises ScheduleError."""
    fields = text.split()
    if len(fields) != len(FIELDS):
        found = f"{len(fields)} field" + ("" if len(fields) == 1 else "s")
        raise ScheduleError(f"cron {text!r} has {found}, not 5: {', '.join(FIELDS)}")
    for position, value in enumerate(fields):
        _check_field(text, position, value)
    try:
        cron = CronSim(text, _ANY_MOMENT)
        next(cron)
    except (CronSimError, StopIteration) as fault:
        raise ScheduleError(f"cron {text!r} never fires: no month has such a day") from fault
    parsed = CronSim(text, _ANY_MOMENT)
    is_open = fields[1].startswith("*") and len(parsed.hours) > 1
    minutes, hours, months = (frozenset(of) for of in (parsed.minutes, parsed.hours, parsed.months))
    read = (WallTimes(minutes, hours, days, months, is_open) for days in _days(text, parsed))
    return tuple(times for times in read if times.is_possible)


def _check_field(text: str, position: int, value: str) -> None:
    # One field at a time, the others left open: so the fault is in this one.
    alone = ["*"] * len(FIELDS)
    alone[position] = value
    try:
        CronSim(" ".join(alone), _ANY_MOMENT)
    except (CronSimError, ValueError) as fault:
        raise ScheduleError(
            f"cron {text!r}: field {position + 1} ({FIELDS[position]}) cannot be {value!r}; "
            f"it takes {_RANGES[position]}"
        ) from fault


def _days(text: str, cron: CronSim) -> list[Days]:
    of_month, of_week = _days_of_month(text, cron), _days_of_week(cron)
    if EVERY_DAY in of_month and EVERY_DAY in of_week:
        return [EVERY_DAY]
    if cron.day_and:  # one of the two fields begins with a star
        if EVERY_DAY in of_week:
            return of_month
        if EVERY_DAY in of_month:
            return of_week
        raise ScheduleError(
            f"cron {text!r} restricts both day of month (field 3) and day of week (field 5), one of them by a step "
            "from *, which cron reads as 'both' and EventBridge cannot say: write the days out, or make one of them *"
        )
    if EVERY_DAY in of_month or EVERY_DAY in of_week:
        return [EVERY_DAY]
    return [*of_month, *of_week]


def _days_of_month(text: str, cron: CronSim) -> list[Days]:
    if CronSim.LAST_WEEKDAY in cron.days:
        raise ScheduleError(f"cron {text!r}: day of month (field 3) can be L or days, not LW")
    named = frozenset(cron.days) - {CronSim.LAST}
    if len(named) == 31:
        return [EVERY_DAY]
    last = [Days(last_of_month=True)] if CronSim.LAST in cron.days else []
    return [*([Days(of_month=named)] if named else []), *last]


def _days_of_week(cron: CronSim) -> list[Days]:
    named = frozenset(day % 7 for day in cron.weekdays if isinstance(day, int))
    if len(named) == 7:
        return [EVERY_DAY]
    special = sorted(
        (day[0] % 7, LAST if day[1] == CronSim.LAST else day[1])
        for day in cron.weekdays
        if isinstance(day, tuple)
    )
    return [*([Days(of_week=named)] if named else []), *(Days(nth=day) for day in dict.fromkeys(special))]


def check_timezone(name: str) -> None:
    """Raise ScheduleError with the nearest IANA name."""
    if name in _zones():
        return
    by_fold = {zone.casefold(): zone for zone in _zones()} | {
        zone.split("/")[-1].casefold(): zone for zone in _zones()
    }
    near = get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.6)
    hint = (
        f"; did you mean {by_fold[near[0]]}?" if near else "; it must be an IANA name such as Europe/Berlin"
    )
    raise ScheduleError(f"{name!r} is not a time zone{hint}")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_PLACE)
