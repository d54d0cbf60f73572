"""A local time of day as a moment, also on the days on which clocks are changed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


def moment_of(day: date, time: str, timezone: str) -> float:
    """Epoch seconds of `07:00` on that day in an IANA zone.

    A local time that does not exist is taken at the first moment that does, a repeated one the first time.
    """
    zone = ZoneInfo(timezone)
    hour, minute = (int(part) for part in time.split(":"))
    wanted = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - the zone follows
    at = wanted.replace(tzinfo=zone).timestamp()
    if _local(at, zone) == wanted:
        return at
    # In a gap the two folds lie on either side of the change: the first valid moment is the change itself.
    before, after = wanted.replace(tzinfo=zone, fold=1).timestamp(), at
    while after - before > 1:
        middle = float((before + after) // 2)
        before, after = (middle, after) if _local(middle, zone) < wanted else (before, middle)
    return after


def last_two(time: str, timezone: str, now: float) -> tuple[float, float]:
    """The last moment not after `now` at which it was this time of day, and the one before it: (before, last)."""
    found = sorted({at for at in _around(time, timezone, now) if at <= now})
    return found[-2], found[-1]


def _around(time: str, timezone: str, now: float) -> Iterator[float]:
    today = datetime.fromtimestamp(now, ZoneInfo(timezone)).date()
    for days in range(-4, 2):
        yield moment_of(today + timedelta(days=days), time, timezone)


def _local(at: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).replace(tzinfo=None)
