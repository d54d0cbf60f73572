"""Cron as users write it, as EventBridge wants it, and what only one of the two can say."""

from datetime import datetime

import pytest

from headgate.domain.cron import aws_cron, check_cron, fires
from headgate.errors import ScheduleError


@pytest.mark.parametrize(
    ("cron", "aws"),
    [
        ("0 6 * * *", "0 6 * * ? *"),
        ("0 6 * * 1-5", "0 6 ? * MON-FRI *"),
        ("0 6 * * mon,WED", "0 6 ? * MON,WED *"),
        # 0 and 7 are Sunday, EventBridge's first day
        ("0 2 * * 0", "0 2 ? * SUN *"),
        ("0 2 * * 7", "0 2 ? * SUN *"),
        ("0 2 * * 5-7", "0 2 ? * SUN,FRI,SAT *"),
        ("0 2 * * 0-6", "0 2 ? * * *"),
        ("0 2 * * 5L", "0 2 ? * 6L *"),
        ("0 2 * * 1#2", "0 2 ? * 2#2 *"),
        ("0 2 L * *", "0 2 L * ? *"),
        ("0 2 1,15 * *", "0 2 1,15 * ? *"),
        ("*/15 9-17 * * *", "0,15,30,45 9-17 * * ? *"),
        ("5/20 0-12/6 * JAN-MAR *", "5,25,45 0,6,12 * 1-3 ? *"),
        ("0 0 1 1,7 *", "0 0 1 1,7 ? *"),
    ],
)
def test_five_fields_become_six(cron: str, aws: str) -> None:
    check_cron(cron)
    assert aws_cron(cron) == aws


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("0 6 * *", "4 fields, not 5"),
        ("0 6 * * * *", "6 fields, not 5"),
        ("60 6 * * *", r"field 1 \(minute\)"),
        ("0 24 * * *", r"field 2 \(hour\)"),
        ("0 6 32 * *", r"field 3 \(day of month\)"),
        ("0 6 * 13 *", r"field 4 \(month\)"),
        ("0 6 * * FUN", r"field 5 \(day of week\)"),
        ("0 6 1 * 1", "field 3.*field 5"),
        ("0 6 30 2 *", "never fires"),
        ("0 6 LW * *", "not a mix or LW"),
        ("0 6 1,L * *", "not a mix or LW"),
        ("0 6 * * 1,5L", "only one day with # or L"),
    ],
)
def test_what_cannot_be_deployed_is_refused_where_it_is_written(cron: str, message: str) -> None:
    for read in (check_cron, aws_cron):
        with pytest.raises(ScheduleError, match=message):
            read(cron)


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_schedule_comes_due_after_its_start_and_until_its_end() -> None:
    start, end = at("2026-01-01T06:00:00+01:00"), at("2026-01-03T06:00:00+01:00")
    assert list(fires("0 6 * * *", "Europe/Berlin", start, end)) == [start + 86_400, end]
    assert list(fires("0 6 * * *", "Europe/Berlin", start, start + 86_399)) == []


def test_it_comes_due_at_the_local_time_on_both_sides_of_a_change_of_clocks() -> None:
    start, end = at("2026-03-28T00:00:00+01:00"), at("2026-03-30T00:00:00+02:00")
    assert list(fires("0 6 * * *", "Europe/Berlin", start, end)) == [
        at("2026-03-28T06:00:00+01:00"),
        at("2026-03-29T06:00:00+02:00"),
    ]


@pytest.mark.parametrize(("cron", "zone"), [("0 25 * * *", "UTC"), ("0 6 * * *", "Europe/Berln")])
def test_a_wrong_schedule_never_comes_due(cron: str, zone: str) -> None:
    with pytest.raises(ScheduleError):
        next(fires(cron, zone, 0.0, 1e9))
