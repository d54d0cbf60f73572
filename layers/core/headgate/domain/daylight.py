"""When a time zone's clocks are put forward or back, and what its time is without that.

zoneinfo tells offsets, not their changes: so these are searched, day by day and then to the second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from headgate.errors import ScheduleError

DAY = 86_400
HOUR = 3_600
# Standard time that holds for less than this much of a year (Ramadan in Morocco) is nobody's standard time.
_SHORTEST_STANDARD = 90 * DAY
# Zones that never change their clocks, for offsets that are no whole hours and have no zone of their own name.
_FRACTIONAL = {
    -34_200: "Pacific/Marquesas",
    16_200: "Asia/Kabul",
    19_800: "Asia/Kolkata",
    20_700: "Asia/Kathmandu",
    23_400: "Asia/Yangon",
    31_500: "Australia/Eucla",
    34_200: "Australia/Darwin",
}
_FURTHEST_WEST, _FURTHEST_EAST = -12, 14


@dataclass(frozen=True, slots=True)
class Change:
    """At this instant (epoch seconds) the offset to UTC (seconds) becomes another one."""

    at: int
    before: int
    after: int

    @property
    def missing(self) -> tuple[int, int]:
        """The wall clock times that do not exist, from and until (epoch seconds read as local); none: empty."""
        return self.at + self.before, max(self.at + self.before, self.at + self.after)


def offset_at(timezone: str, at: float) -> int:
    """Seconds that the zone's clocks are ahead of UTC at this instant."""
    offset = datetime.fromtimestamp(at, ZoneInfo(timezone)).utcoffset()
    return round(offset.total_seconds()) if offset else 0


def changes(timezone: str, start: float, end: float) -> Iterator[Change]:
    """The changes after `start` and until `end`, oldest first."""
    first, last = (datetime.fromtimestamp(at, UTC).year for at in (start, end))
    for year in range(first, last + 1):
        yield from (change for change in _changes_of(timezone, year) if start < change.at <= end)


@lru_cache(maxsize=8_192)
def _changes_of(timezone: str, year: int) -> tuple[Change, ...]:
    first, end = (int(datetime(of, 1, 1, tzinfo=UTC).timestamp()) for of in (year, year + 1))
    found = []
    offset = offset_at(timezone, first - 1)
    for day in range(first, end, DAY):
        last = min(day + DAY, end) - 1
        following = offset_at(timezone, last)
        if following != offset:
            found.append(Change(_instant(timezone, day - 1, last), offset, following))
            offset = following
    return tuple(found)


def _instant(timezone: str, before: int, after: int) -> int:
    """The first instant of the other offset, between one of each."""
    offset = offset_at(timezone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if offset_at(timezone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def standard_zone(timezone: str, now: float) -> str:
    """A zone that has this one's standard time all the year; itself, where its clocks are never changed.

    Standard time: the lowest offset that holds for three months of the coming year. Raises ScheduleError for an
    offset that no zone has all the year.
    """
    ahead = list(changes(timezone, now, now + 366 * DAY))
    if not ahead:
        return timezone
    held: dict[int, float] = {}
    since = now
    for change in [*ahead, Change(int(now) + 366 * DAY, ahead[-1].after, 0)]:
        held[change.before] = held.get(change.before, 0.0) + change.at - since
        since = change.at
    return _fixed_zone(timezone, min(offset for offset, span in held.items() if span >= _SHORTEST_STANDARD))


def _fixed_zone(timezone: str, offset: int) -> str:
    hours, rest = divmod(offset, HOUR)
    if not rest and _FURTHEST_WEST <= hours <= _FURTHEST_EAST:
        # Signs in these names are those of POSIX: west of Greenwich is plus.
        return f"Etc/GMT{-hours:+d}" if hours else "UTC"
    if offset in _FRACTIONAL:
        return _FRACTIONAL[offset]
    sign, minutes = "-" if offset < 0 else "+", abs(offset) // 60
    raise ScheduleError(
        f"dst utc_fixed: the standard time of {timezone} is UTC{sign}{minutes // 60:02d}:{minutes % 60:02d}, which no "
        "zone keeps all the year: use next_valid or skip, or say the times in UTC"
    )
