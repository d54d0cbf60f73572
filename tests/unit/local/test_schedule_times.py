"""Schedules are read on the wall clock of their time zone."""

from datetime import UTC, datetime, timedelta

import pytest

from headgate_local.emulator.schedule_times import due_time, with_context

CREATED = datetime(2026, 3, 28, 12, 0, 30, tzinfo=UTC)
DAILY, QUARTERS = "cron(30 2 * * ? *)", "cron(0,15,30,45 * * * ? *)"
STEPS = {DAILY: timedelta(days=1), QUARTERS: timedelta(minutes=15)}


def next_cron(expression: str, wall_clock: datetime) -> datetime:
    """A stand-in for the emulator's cron: 02:30 every day, or every quarter of an hour, on the wall clock."""
    at = wall_clock.replace(hour=2, minute=30, second=0, microsecond=0) - timedelta(days=2)
    while at <= wall_clock:
        at += STEPS[expression]
    return at


def due(
    expression: str,
    zone: str,
    last: datetime | None = None,
    created: datetime = CREATED,
    start: datetime | None = None,
) -> datetime | None:
    return due_time(expression, zone, created=created, last=last, next_cron=next_cron, start=start)


def fired(expression: str, zone: str, count: int, created: datetime) -> list[str]:
    """The next so many times, in UTC, each looked for from the one before."""
    found: list[datetime] = []
    while len(found) < count:
        following = due(expression, zone, last=found[-1] if found else None, created=created)
        assert following is not None
        found.append(following)
    return [f"{moment:%d %H:%M}" for moment in found]


def test_at_is_local_time_and_fires_once() -> None:
    at = "at(2026-11-22T18:00:00)"
    assert due(at, "UTC") == datetime(2026, 11, 22, 18, tzinfo=UTC)
    assert due(at, "Asia/Kolkata") == datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
    assert due(at, "UTC", last=datetime(2026, 11, 22, 18, tzinfo=UTC)) is None


def test_a_one_off_that_was_over_before_it_was_made_stays_so() -> None:
    assert due("at(2026-03-28T11:59:00)", "UTC") is None
    assert due("at(2026-03-28T12:00:00)", "UTC") == datetime(2026, 3, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(("unit", "seconds"), [("1 minute", 60), ("5 minutes", 300), ("2 hours", 7200)])
def test_rate_counts_from_the_creation_whenever_it_was_delivered(unit: str, seconds: int) -> None:
    step, late = timedelta(seconds=seconds), timedelta(seconds=7)
    assert due(f"rate({unit})", "Europe/Berlin") == CREATED + step
    assert due(f"rate({unit})", "Europe/Berlin", last=CREATED + step) == CREATED + 2 * step
    assert due(f"rate({unit})", "Europe/Berlin", last=CREATED + step + late) == CREATED + 2 * step


def test_a_rate_counts_from_its_start() -> None:
    start, step = CREATED + timedelta(minutes=5), timedelta(hours=7)
    assert due("rate(7 hours)", "UTC", start=start) == start
    assert due("rate(7 hours)", "UTC", start=start, last=start) == start + step
    # made before the stack was last started
    begun = CREATED - 10 * step
    assert due("rate(7 hours)", "UTC", start=begun) == begun + 11 * step
    assert (
        due("rate(7 hours)", "UTC", start=begun + timedelta(seconds=1))
        == begun + timedelta(seconds=1) + 10 * step
    )


def test_a_cron_fires_from_its_start_on() -> None:
    start = datetime(2026, 4, 10, 2, 30, tzinfo=UTC)
    assert due(DAILY, "UTC", start=start) == start
    assert due(DAILY, "UTC", start=start + timedelta(seconds=1)) == start + timedelta(days=1)


def test_cron_follows_the_clock_change() -> None:
    # In Berlin the night to 29 March 2026 has no 02:30; from then on it is UTC+2.
    assert due(DAILY, "America/New_York") == datetime(2026, 3, 29, 6, 30, tzinfo=UTC)
    before = datetime(2026, 3, 26, 12, 0, tzinfo=UTC)
    assert fired(DAILY, "Europe/Berlin", 4, before) == ["27 01:30", "28 01:30", "30 00:30", "31 00:30"]


def test_a_time_that_comes_twice_fires_the_first_time() -> None:
    # Berlin, 25 October 2026: from 03:00 back to 02:00, at 01:00 UTC.
    before = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    assert fired(DAILY, "Europe/Berlin", 3, before) == ["25 00:30", "26 01:30", "27 01:30"]
    night = datetime(2026, 10, 25, 0, 20, tzinfo=UTC)
    assert fired(QUARTERS, "Europe/Berlin", 4, night) == ["25 00:30", "25 00:45", "25 02:00", "25 02:15"]


@pytest.mark.parametrize("minute", [5, 20, 50])
def test_a_schedule_made_in_an_hour_that_comes_twice_waits_for_a_new_time(minute: int) -> None:
    second_time = datetime(2026, 10, 25, 1, minute, tzinfo=UTC)
    assert fired(QUARTERS, "Europe/Berlin", 1, second_time) == ["25 02:00"]
    assert fired(DAILY, "Europe/Berlin", 1, second_time) == ["26 01:30"]


def test_a_cron_that_never_comes_due_again_is_over() -> None:
    assert due_time(DAILY, "UTC", created=CREATED, last=None, next_cron=lambda *_: None) is None


def test_context_attributes_are_filled_in() -> None:
    text = '{"at": "<aws.scheduler.scheduled-time>", "id": "<aws.scheduler.execution-id>", "n": "<other>"}'
    filled = with_context(
        text, scheduled=datetime(2026, 11, 22, 18, tzinfo=UTC), execution_id="e-1", schedule_arn="arn"
    )
    assert filled == '{"at": "2026-11-22T18:00:00Z", "id": "e-1", "n": "<other>"}'
