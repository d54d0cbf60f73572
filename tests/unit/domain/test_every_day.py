"""Daily schedules on every day of thirty years: one fire per local day, whatever is done to the clocks.

What is expected is found with zoneinfo alone, minute by minute where a time does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.domain.daylight import Change, changes
from headgate.domain.fire import fires
from headgate.domain.job import Job
from headgate.domain.schedule import Schedule
from headgate.domain.schedule_entry import HORIZON, entries, job_entries
from tests.eventbridge import firings, instant

ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Havana",
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
)
# The clocks are put forward from 23:00 to 24:00: what is missing there is made up for at the first moment of Sunday.
AT_MIDNIGHT = ("America/Nuuk", "America/Scoresbysund")
DAY = 86_400
FIRST, LAST = date(2026, 1, 1), date(2055, 12, 31)


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def local(day: date, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, minute // 60, minute % 60)  # noqa: DTZ001


def expected(day: date, minute: int, zone: ZoneInfo) -> float:
    """When a daily schedule fires for this day: at its time, or at the first later minute that exists."""
    at = local(day, minute)
    while (found := instant(at, zone)) is None:
        at += timedelta(minutes=1)
    return found


def around(change: Change) -> tuple[date, date]:
    day = datetime.fromtimestamp(change.at + change.before, UTC).date()
    return day - timedelta(days=1), day + timedelta(days=1)


def daily(minute: int, zone: str, first: date, last: date, dst: str = "next_valid") -> list[float]:
    start = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone)).timestamp() - 1
    after = last + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(zone)).timestamp() - 1
    return list(fires(Schedule(at=(clock(minute),), timezone=zone, dst=dst), start, end))


@pytest.mark.parametrize("zone", ZONES)
def test_a_daily_schedule_fires_once_on_each_local_day_of_thirty_years(zone: str) -> None:
    place = ZoneInfo(zone)
    for minute in (10, 150):
        found = daily(minute, zone, FIRST, LAST)
        assert [datetime.fromtimestamp(at, place).date() for at in found] == list(days(FIRST, LAST))
        assert found == [expected(day, minute, place) for day in days(FIRST, LAST)]


@pytest.mark.parametrize("zone", ZONES)
def test_every_minute_of_a_day_around_each_kind_of_change_of_clocks(zone: str) -> None:
    """Of thirty years, each change that differs from the others in its local time or in its offsets."""
    place = ZoneInfo(zone)
    start, end = (datetime(day.year, 1, 1, tzinfo=UTC).timestamp() for day in (FIRST, LAST))
    kinds = {((c.at + c.before) % DAY, c.before, c.after): c for c in changes(zone, start, end)}
    for change in kinds.values():
        first, last = around(change)
        for minute in range(1440):
            found = daily(minute, zone, first, last)
            assert found == [expected(day, minute, place) for day in days(first, last)], clock(minute)


@pytest.mark.parametrize("zone", ZONES)
def test_what_scheduler_is_told_fires_at_those_times_for_ten_years(zone: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    end = now + HORIZON
    for minute in (30, 150):
        schedule = Schedule(at=(clock(minute),), timezone=zone)
        told = [firings(e.expression, e.timezone, now, end, e.start) for e in entries(schedule, now)]
        delivered = sorted(at for of_entry in told for at in of_entry)
        assert delivered == list(fires(schedule, now, end))


@given(
    zone=st.sampled_from((*ZONES, *AT_MIDNIGHT, "America/Nuuk", "Australia/Sydney", "Asia/Kathmandu")),
    minutes=st.sets(st.integers(0, 1439), min_size=1, max_size=4),
    year=st.integers(2026, 2055),
    dst=st.sampled_from(("next_valid", "skip")),
)
@settings(max_examples=60, deadline=None)
def test_any_times_of_any_year(zone: str, minutes: set[int], year: int, dst: str) -> None:
    place = ZoneInfo(zone)
    start = datetime(year, 1, 1, tzinfo=place).timestamp() - 1
    end = datetime(year + 1, 1, 1, tzinfo=place).timestamp() - 1
    wanted: set[float] = set()
    for day in days(date(year, 1, 1), date(year, 12, 31)):
        for minute in minutes:
            if dst == "next_valid" or instant(local(day, minute), place) is not None:
                wanted.add(expected(day, minute, place))
    schedule = Schedule(at=tuple(clock(minute) for minute in sorted(minutes)), timezone=zone, dst=dst)
    assert list(fires(schedule, start, end)) == sorted(wanted)
    told = job_entries(Job("j", "p", (), schedules=(schedule,)), start).values()
    delivered = [at for e in told for at in firings(e.expression, e.timezone, start, end, e.start)]
    assert sorted(delivered) == sorted(wanted), "and nothing is told twice"


@pytest.mark.parametrize("zone", AT_MIDNIGHT)
def test_a_missing_time_before_midnight_is_made_up_for_at_midnight(zone: str) -> None:
    found = daily(23 * 60 + 30, zone, date(2027, 3, 26), date(2027, 3, 29))
    told = [datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%a %H:%M") for at in found]
    assert told == ["Fri 23:30", "Sun 00:00", "Sun 23:30", "Mon 23:30"]


def test_a_day_that_did_not_exist() -> None:
    """Samoa had no 30 December 2011."""
    found = daily(360, "Pacific/Apia", date(2011, 12, 28), date(2012, 1, 1))
    told = [datetime.fromtimestamp(at, ZoneInfo("Pacific/Apia")).strftime("%d %H:%M") for at in found]
    assert told == ["28 06:00", "29 06:00", "31 00:00", "31 06:00", "01 06:00"]
    assert len(daily(360, "Pacific/Apia", date(2011, 12, 28), date(2012, 1, 1), "skip")) == 4


# Standard time, in hours.
SIX = {
    "Europe/Berlin": 1,
    "Europe/London": 0,
    "America/New_York": -5,
    "Australia/Sydney": 10,
    "Africa/Cairo": 2,
    "America/Santiago": -4,
}


@pytest.mark.parametrize("policy", ["next_valid", "skip", "utc_fixed"])
@pytest.mark.parametrize("zone", SIX)
def test_each_policy_on_each_change_of_clocks_of_2025_to_2027(zone: str, policy: str) -> None:
    place = ZoneInfo(zone)
    start, end = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (2025, 2028))
    found = list(changes(zone, start, end))
    assert len(found) == 6
    for change in found:
        first, last = around(change)
        hour = (change.at + change.before) % DAY // 3600
        for minute in (hour * 60 + 30, (hour - 1) % 24 * 60 + 30, hour * 60, 720):
            wanted = []
            for day in days(first, last):
                exists = instant(local(day, minute), place) is not None
                if policy == "utc_fixed":
                    standard = local(day, minute).replace(tzinfo=UTC) - timedelta(hours=SIX[zone])
                    wanted.append(standard.timestamp())
                elif exists or policy == "next_valid":
                    wanted.append(expected(day, minute, place))
            schedule = Schedule(f"{minute % 60} {minute // 60} * * *", zone, dst=policy)
            since, until = wanted[0] - 3600, wanted[-1] + 3600
            assert list(fires(schedule, since, until)) == wanted, (first, clock(minute))
            told = (firings(e.expression, e.timezone, since, until) for e in entries(schedule, since))
            assert sorted(at for of_entry in told for at in of_entry) == wanted
