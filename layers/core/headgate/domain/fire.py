"""The moments at which a schedule comes due: EventBridge Scheduler's rules, and what `next_valid` adds to them.

Scheduler leaves out a local time that does not exist, and takes the first of two that are called the same. So the
offset of a zone, between two of its changes, maps local times to instants one to one; what lies in no such span does
not exist, and what lies in two belongs to the first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby, islice
from math import floor
from zoneinfo import ZoneInfo

from headgate.domain.daylight import DAY, Change, changes, offset_at
from headgate.domain.schedule import Schedule
from headgate.domain.schedule_reading import interval, read_times, read_zone
from headgate.domain.wall_times import WallTimes

# More than any two changes of a zone's clocks are apart that say the same time twice.
_BEFORE = 2 * DAY
# How far ahead the next times are looked for, until there are enough; five Mondays in a February come every 40 years.
_AHEAD = (2 * DAY, 60 * DAY, 3 * 366 * DAY, 45 * 366 * DAY)


@dataclass(frozen=True, slots=True)
class Fire:
    """A schedule comes due at this instant (epoch seconds), on the wall clock of `zone`. note: what is odd about it."""

    at: float
    zone: str
    note: str = ""

    @property
    def local(self) -> str:
        """`2026-03-29 03:00 +02:00`."""
        text = datetime.fromtimestamp(self.at, ZoneInfo(self.zone)).isoformat(" ", "minutes")
        return f"{text[:16]} {text[16:]}"


def fires(schedule: Schedule, start: float, end: float) -> Iterator[float]:
    """The moments after `start` and until `end` (epoch seconds), each once, in order.

    Raises ScheduleError as the schedule's reading does.
    """
    if every := interval(schedule):
        yield from map(float, range((floor(start) // every + 1) * every, floor(end) + 1, every))
        return
    times, zone = read_times(schedule), read_zone(schedule, start)
    for at in _instants(times, zone, start, end, makes_up=schedule.dst == "next_valid"):
        yield float(at)


def native_fires(times: Sequence[WallTimes], zone: str, start: float, end: float) -> Iterator[int]:
    """The same for local times in a zone, without what is made up for."""
    return _instants(times, zone, start, end, makes_up=False)


def made_up(times: Sequence[WallTimes], change: Change) -> list[int]:
    """The local times that this change leaves out and that are made up for at its instant."""
    named = [one for one in times if not one.is_open]
    return list(_merged(one.between(*change.missing) for one in named))


def _instants(
    times: Sequence[WallTimes], zone: str, start: float, end: float, *, makes_up: bool
) -> Iterator[int]:
    for since, until, told, change in _spans(zone, start, end):
        made = change.at if change and makes_up and made_up(times, change) else None
        if made is not None and start < made <= end:
            yield made
        offset = change.after if change else offset_at(zone, since)
        first = max(told, floor(start) + 1 + offset)
        for local in _merged(one.between(first, until + offset) for one in times):
            if local - offset != made:
                yield local - offset


def _spans(zone: str, start: float, end: float) -> Iterator[tuple[int, int, int, Change | None]]:
    """Spans of one offset: since, until, the first local time not told before, and the change that begins it."""
    since = floor(start) - _BEFORE
    told, begun = since - _BEFORE, None
    last = floor(end) + 1
    for change in changes(zone, since, last):
        yield since, change.at, told, begun
        told = max(told, change.at + change.before, change.at + change.after)
        since, begun = change.at, change
    yield since, last, told, begun


def next_fires(schedules: Iterable[Schedule], now: float, count: int) -> list[Fire]:
    """The next so many after now, of all of them together; one instant of several schedules is one fire."""
    found = sorted((fire for schedule in schedules for fire in _next_of(schedule, now, count)), key=_at)
    alone = [next(same) for _, same in groupby(found, key=_at)]
    return alone[:count]


def _next_of(schedule: Schedule, now: float, count: int) -> list[Fire]:
    found: list[float] = []
    for span in _AHEAD:
        found = list(islice(fires(schedule, now, now + span), count))
        if len(found) == count:
            break
    zone = read_zone(schedule, now)
    return [Fire(at, schedule.timezone, _note(schedule, zone, at)) for at in found]


def _note(schedule: Schedule, zone: str, at: float) -> str:
    times = read_times(schedule)
    if schedule.dst == "next_valid":
        for change in changes(zone, at - 1, at):
            if missing := made_up(times, change):
                told = ", ".join(f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in _minutes(missing))
                return f"{told} {'does' if len(missing) == 1 else 'do'} not exist on this day"
    for change in changes(zone, at, at + DAY):
        if times and at + change.before >= change.at + change.after:
            return f"{_clock(at, zone)} comes twice on this day; this is the first"
    return ""


def _minutes(local: Iterable[int]) -> list[int]:
    return [at % DAY // 60 for at in local]


def _clock(at: float, zone: str) -> str:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%H:%M")


def _merged(found: Iterable[Iterator[int]]) -> Iterator[int]:
    return (at for at, _ in groupby(merge(*found)))


def _at(fire: Fire) -> float:
    return fire.at
