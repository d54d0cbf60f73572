"""Schedules are read on the wall clock of their time zone."""

from datetime import UTC, datetime, timedelta

import pytest

from headgate_local.emulator.schedule_times import due_time, with_context

CREATED = datetime(2026, 3, 28, 12, 0, 30, tzinfo=UTC)


def daily_at_half_past_two(expression: str, wall_clock: datetime) -> datetime:
    """A stand-in for the emulator's cron: every day at 02:30 on the wall clock."""
    assert expression == "cron(30 2 * * ? *)"
    today = wall_clock.replace(hour=2, minute=30, second=0, microsecond=0)
    return today if today > wall_clock else today + timedelta(days=1)


def due(expression: str, zone: str, last: datetime | None = None) -> datetime | None:
    return due_time(expression, zone, created=CREATED, last=last, next_cron=daily_at_half_past_two)


def test_at_is_local_time_and_fires_once() -> None:
    at = "at(2026-11-22T18:00:00)"
    assert due(at, "UTC") == datetime(2026, 11, 22, 18, tzinfo=UTC)
    assert due(at, "Asia/Kolkata") == datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
    assert due(at, "UTC", last=datetime(2026, 11, 22, 18, tzinfo=UTC)) is None


@pytest.mark.parametrize(("unit", "seconds"), [("1 minute", 60), ("5 minutes", 300), ("2 hours", 7200)])
def test_rate_counts_from_the_creation_then_from_the_last_time(unit: str, seconds: int) -> None:
    step = timedelta(seconds=seconds)
    assert due(f"rate({unit})", "Europe/Berlin") == CREATED + step
    assert due(f"rate({unit})", "Europe/Berlin", last=CREATED + step) == CREATED + 2 * step


def test_cron_follows_the_clock_change() -> None:
    cron = "cron(30 2 * * ? *)"
    # In Berlin the night to 29 March 2026 has no 02:30; from then on it is UTC+2.
    assert due(cron, "America/New_York") == datetime(2026, 3, 29, 6, 30, tzinfo=UTC)
    before = due(cron, "Europe/Berlin", last=datetime(2026, 3, 27, 2, 0, tzinfo=UTC))
    after = due(cron, "Europe/Berlin", last=datetime(2026, 3, 30, 2, 0, tzinfo=UTC))
    assert before == datetime(2026, 3, 28, 1, 30, tzinfo=UTC)
    assert after == datetime(2026, 3, 31, 0, 30, tzinfo=UTC)


def test_context_attributes_are_filled_in() -> None:
    text = '{"at": "<aws.scheduler.scheduled-time>", "id": "<aws.scheduler.execution-id>", "n": "<other>"}'
    filled = with_context(
        text, scheduled=datetime(2026, 11, 22, 18, tzinfo=UTC), execution_id="e-1", schedule_arn="arn"
    )
    assert filled == '{"at": "2026-11-22T18:00:00Z", "id": "e-1", "n": "<other>"}'
