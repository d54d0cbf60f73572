"""Times of day on some days, as a wall clock shows them: what EventBridge's six cron fields can say."""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

DAY = 86_400
EPOCH = date(1970, 1, 1).toordinal()
ALL_MONTHS = frozenset(range(1, 13))
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LAST = 0
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Days:
    """Which days, in one of four ways; in none: every day.

    of_month: 1 to 31. last_of_month: the last day of each month. of_week: 0 (Sunday) to 6. nth: a day of the week and
    the how-manieth of its month it is, LAST: the last.
    """

    of_month: frozenset[int] = frozenset()
    last_of_month: bool = False
    of_week: frozenset[int] = frozenset()
    nth: tuple[int, int] | None = None

    def has(self, day: date) -> bool:
        if self.of_month:
            return day.day in self.of_month
        if self.of_week:
            return day.isoweekday() % 7 in self.of_week
        if self.last_of_month:
            return day.day == monthrange(day.year, day.month)[1]
        if self.nth is None:
            return True
        weekday, which = self.nth
        if day.isoweekday() % 7 != weekday:
            return False
        if which == LAST:
            return day.day + 7 > monthrange(day.year, day.month)[1]
        return (day.day - 1) // 7 + 1 == which


EVERY_DAY = Days()


@dataclass(frozen=True, slots=True)
class WallTimes:
    """Each of these minutes of each of these hours.

    is_open: hours are not named one by one (`*`, `*/2`): a time that does not exist is not made up for, since there is
    another soon.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: Days = EVERY_DAY
    months: frozenset[int] = ALL_MONTHS
    is_open: bool = field(default=False, compare=False)

    @property
    def is_possible(self) -> bool:
        """Whether some month has such a day at all."""
        first = min(self.days.of_month, default=1)
        return any(first <= _LONGEST[month - 1] for month in self.months)

    def between(self, start: int, end: int) -> Iterator[int]:
        """The times from `start` on and before `end`, in order (epoch seconds read as local time)."""
        of_day = sorted(hour * 3600 + minute * 60 for hour in self.hours for minute in self.minutes)
        for number in range(start // DAY, -(-end // DAY)):
            day = date.fromordinal(EPOCH + number)
            if day.month not in self.months or not self.days.has(day):
                continue
            for time in of_day:
                at = number * DAY + time
                if start <= at < end:
                    yield at


def wall_times(
    times: Iterable[int], days: Days = EVERY_DAY, *, is_open: bool = False
) -> tuple[WallTimes, ...]:
    """These minutes of the day (0 to 1439) in as few records as grouping them by hour or by minute gives."""
    asked = set(times)
    by_hour = _grouped((minute // 60, minute % 60) for minute in asked)
    by_minute = _grouped((minute % 60, minute // 60) for minute in asked)
    if len(by_hour) <= len(by_minute):
        return tuple(WallTimes(minutes, hours, days, is_open=is_open) for hours, minutes in by_hour)
    return tuple(WallTimes(minutes, hours, days, is_open=is_open) for minutes, hours in by_minute)


def _grouped(pairs: Iterable[tuple[int, int]]) -> list[tuple[frozenset[int], frozenset[int]]]:
    """(first, second) pairs -> which firsts have which seconds."""
    seconds: dict[int, set[int]] = {}
    for first, second in sorted(pairs):
        seconds.setdefault(first, set()).add(second)
    firsts: dict[frozenset[int], set[int]] = {}
    for first, found in seconds.items():
        firsts.setdefault(frozenset(found), set()).add(first)
    return [(frozenset(of), found) for found, of in firsts.items()]
