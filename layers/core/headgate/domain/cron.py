"""What a schedule may say: five cron fields and an IANA time zone, checked before anything is deployed.

Cron is never evaluated in the cloud: EventBridge Scheduler does that, in the schedule's zone. So a cron
expression is accepted only when both cron and EventBridge can say it.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from headgate.errors import ScheduleError

FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_RANGES = ("0-59", "0-23", "1-31 or L", "1-12 or JAN-DEC", "0-7 or SUN-SAT; 0 and 7 are Sunday")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def check_cron(text: str) -> None:
    """Raise ScheduleError naming the field that is wrong, its position and what it may hold."""
    fields = text.split()
    if len(fields) != len(FIELDS):
        found = f"{len(fields)} field" + ("" if len(fields) == 1 else "s")
        raise ScheduleError(f"cron {text!r} has {found}, not 5: {', '.join(FIELDS)}")
    for position, value in enumerate(fields):
        _check_field(text, position, value)
    if "*" not in (fields[2], fields[4]):
        raise ScheduleError(
            f"cron {text!r} restricts both day of month (field 3) and day of week (field 5), which cron reads as "
            "'either' and EventBridge cannot say: make one of them *"
        )
    if not _ever_fires(text):
        raise ScheduleError(f"cron {text!r} never fires: no month has such a day")
    _translated(text)


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


def _ever_fires(text: str) -> bool:
    try:
        next(CronSim(text, _ANY_MOMENT))
    except (CronSimError, StopIteration):
        return False
    return True


def aws_cron(text: str) -> str:
    """Five cron fields -> EventBridge's six: `0 6 * * 1-5` -> `0 6 ? * MON-FRI *`.

    EventBridge counts days from 1 = Sunday, wants `?` where the other day field decides, and has a year.
    Values are written out, because the two read steps and ranges differently. Raises ScheduleError as check_cron.
    """
    check_cron(text)
    return _translated(text)


def _translated(text: str) -> str:
    cron = CronSim(text, _ANY_MOMENT)
    fields = text.split()
    month = _written(cron.months, range(1, 13))
    day = "L" if CronSim.LAST in cron.days else _written(cron.days, range(1, 32))
    if {CronSim.LAST, CronSim.LAST_WEEKDAY} & cron.days and (cron.days != {CronSim.LAST}):
        raise ScheduleError(
            f"cron {text!r}: day of month (field 3) can be L or a list of days, not a mix or LW"
        )
    weekday = "?" if fields[4] == "*" else _weekdays(text, cron.weekdays)
    if weekday != "?":
        day = "?"
    return f"{_written(cron.minutes, range(60))} {_written(cron.hours, range(24))} {day} {month} {weekday} *"


def _weekdays(text: str, days: Collection[int | tuple[int, int]]) -> str:
    special = [day for day in days if isinstance(day, tuple)]
    if not special:
        numbers = {day % 7 for day in days if isinstance(day, int)}
        return _written(numbers, range(7), WEEKDAYS)
    if len(days) > 1:
        raise ScheduleError(f"cron {text!r}: day of week (field 5) can hold only one day with # or L")
    day, which = special[0]
    number = day % 7 + 1
    return f"{number}L" if which == CronSim.LAST else f"{number}#{which}"


def _written(values: Collection[int], allowed: range, names: Sequence[str] = ()) -> str:
    if set(values) == set(allowed):
        return "*"
    ordered = sorted(values)
    words = [names[value] if names else str(value) for value in ordered]
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{words[0]}-{words[-1]}"
    return ",".join(words)


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


def fires(cron: str, timezone: str, start: float, end: float) -> Iterator[float]:
    """The moments (epoch seconds) after `start` and until `end` at which this schedule comes due.

    Raises ScheduleError as check_cron and check_timezone do.
    """
    check_cron(cron)
    check_timezone(timezone)
    for moment in CronSim(cron, datetime.fromtimestamp(start, ZoneInfo(timezone))):
        at = moment.timestamp()
        if at > end:
            return
        if at > start:
            yield at


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
