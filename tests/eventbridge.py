"""EventBridge Scheduler's reading of an expression, by its rules alone: slow, plain, no code of Headgate's.

A local time that does not exist is left out; one that comes twice is taken the first time.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}


def firings(
    expression: str, zone: str, start: float, end: float, start_date: float | None = None
) -> Iterator[float]:
    """The instants after `start` and until `end` (epoch seconds) at which such a schedule fires."""
    kind, _, inside = expression.removesuffix(")").partition("(")
    if kind == "rate":
        assert start_date is not None
        number, unit = inside.split()
        assert unit.endswith("s") is (int(number) > 1), f"{expression} is refused"
        step = int(number) * _UNITS[unit.removesuffix("s")]
        at = start_date
        while at <= end:
            if at > start:
                yield at
            at += step
        return
    assert start_date is None
    if kind == "at":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inside)
        found = instant(datetime.fromisoformat(inside), ZoneInfo(zone))
        assert found is not None, f"{expression} does not exist in {zone}"
        if start < found <= end:
            yield found
        return
    assert kind == "cron"
    yield from _of_cron(inside, ZoneInfo(zone), start, end)


def _of_cron(inside: str, zone: ZoneInfo, start: float, end: float) -> Iterator[float]:
    minute, hour, of_month, month, of_week, year = inside.split()
    assert (of_month == "?") != (of_week == "?"), f"one of the two fields for days must be ?: {inside}"
    assert year == "*"
    minutes, hours, months = _values(minute, 0, 59), _values(hour, 0, 23), _values(month, 1, 12)
    day = (datetime.fromtimestamp(start, zone) - timedelta(days=2)).date()
    last = (datetime.fromtimestamp(end, zone) + timedelta(days=2)).date()
    while day <= last:
        if day.month in months and (_in_month(of_month, day) if of_week == "?" else _in_week(of_week, day)):
            for one in hours:
                for other in minutes:
                    at = instant(datetime(day.year, day.month, day.day, one, other), zone)  # noqa: DTZ001
                    if at is not None and start < at <= end:
                        yield at
        day += timedelta(days=1)


def instant(local: datetime, zone: ZoneInfo) -> float | None:
    """The first instant at which this local time is; None: it does not exist."""
    at = local.replace(tzinfo=zone, fold=0)
    back = at.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    return at.timestamp() if back == local else None


def _in_month(field: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    return day.day == last if field == "L" else day.day in _values(field, 1, 31)


def _in_week(field: str, day: date) -> bool:
    number = day.isoweekday() % 7 + 1
    if found := re.fullmatch(r"([1-7])L", field):
        return number == int(found[1]) and (day + timedelta(days=7)).month != day.month
    if found := re.fullmatch(r"([1-7])#([1-5])", field):
        return number == int(found[1]) and -(-day.day // 7) == int(found[2])
    for number_of, name in enumerate(_DAYS, 1):
        field = field.replace(name, str(number_of))
    return number in _values(field, 1, 7)


def _values(field: str, low: int, high: int) -> list[int]:
    if field == "*":
        return list(range(low, high + 1))
    found: list[int] = []
    for part in field.split(","):
        first, _, last = part.partition("-")
        assert low <= int(first) <= int(last or first) <= high, f"{part!r} is refused"
        found += range(int(first), int(last or first) + 1)
    return sorted(found)
