"""What a schedule may say: five cron fields and an IANA time zone, checked before anything is deployed.

Cron is never evaluated in the cloud: EventBridge Scheduler does that, in the schedule's zone. So a cron
expression is accepted only when both cron and EventBridge can say it.
"""

from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError

from headgate.errors import ScheduleError

FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_RANGES = ("0-59", "0-23", "1-31 or L", "1-12 or JAN-DEC", "0-7 or SUN-SAT; 0 and 7 are Sunday")
_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def check_cron(text: str) -> None:
    """Raise ScheduleError naming the field that is wrong, its position and what it may hold."""
    fields = text.split()
    if len(fields) != len(FIELDS):
        raise ScheduleError(f"cron {text!r} has {len(fields)} fields, not 5: {', '.join(FIELDS)}")
    for position, value in enumerate(fields):
        _check_field(text, position, value)
    if "*" not in (fields[2], fields[4]):
        raise ScheduleError(
            f"cron {text!r} restricts both day of month (field 3) and day of week (field 5), which cron reads as "
            "'either' and EventBridge cannot say: make one of them *"
        )
    if not _ever_fires(text):
        raise ScheduleError(f"cron {text!r} never fires: no month has such a day")


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
    return frozenset(available_timezones())
