"""Schedules as users write them: what they become, when they come due, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cronsim import CronSim
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headgate.domain.cron import check_cron
from headgate.domain.fire import fires, next_fires
from headgate.domain.job import Job
from headgate.domain.schedule import Schedule
from headgate.domain.schedule_entry import entries, job_entries
from headgate.domain.schedule_reading import check_schedule
from headgate.domain.schedule_words import describe
from headgate.errors import ScheduleError
from tests.eventbridge import firings

NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
DAY = 86_400
BERLIN, HAVANA = "Europe/Berlin", "America/Havana"


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def expressions(schedule: Schedule, now: float = NOW) -> list[str]:
    return [entry.expression for entry in entries(schedule, now)]


def fired(schedule: Schedule, start: float, end: float) -> list[float]:
    """When EventBridge would fire the schedule's entries; each instant once, since one due time is one cause."""
    found = (firings(e.expression, e.timezone, start, end, e.start) for e in entries(schedule, start))
    return sorted({instant for of_entry in found for instant in of_entry})


@pytest.mark.parametrize(
    ("cron", "aws"),
    [
        ("0 6 * * *", ["0 6 * * ? *"]),
        ("0 6 * * 1-5", ["0 6 ? * MON-FRI *"]),
        ("0 6 * * mon,WED", ["0 6 ? * MON,WED *"]),
        # 0 and 7 are Sunday, EventBridge's first day
        ("0 2 * * 0", ["0 2 ? * SUN *"]),
        ("0 2 * * 7", ["0 2 ? * SUN *"]),
        ("0 2 * * 5-7", ["0 2 ? * SUN,FRI,SAT *"]),
        ("0 2 * * 0-6", ["0 2 * * ? *"]),
        ("0 2 * * 5L", ["0 2 ? * 6L *"]),
        ("0 2 * * 1#2", ["0 2 ? * 2#2 *"]),
        ("0 2 L * *", ["0 2 L * ? *"]),
        ("0 2 1,15 * *", ["0 2 1,15 * ? *"]),
        ("*/15 9-17 * * *", ["0,15,30,45 9-17 * * ? *"]),
        ("5/20 0-12/6 * JAN-MAR *", ["5,25,45 0,6,12 * 1-3 ? *"]),
        ("0 0 1 1,7 *", ["0 0 1 1,7 ? *"]),
        # both fields for days: either of them
        ("0 6 1 * 1", ["0 6 1 * ? *", "0 6 ? * MON *"]),
        ("0 6 1-31 * 1", ["0 6 * * ? *"]),
        ("0 6 1,L * *", ["0 6 1 * ? *", "0 6 L * ? *"]),
        ("0 6 L * 1,5L,2#1", ["0 6 L * ? *", "0 6 ? * MON *", "0 6 ? * 3#1 *", "0 6 ? * 6L *"]),
        # a day that no such month has adds nothing
        ("0 6 31 2 1", ["0 6 ? 2 MON *"]),
    ],
)
def test_five_fields_become_six(cron: str, aws: list[str]) -> None:
    check_cron(cron)
    assert expressions(Schedule(cron)) == [f"cron({fields})" for fields in aws]


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        (Schedule(every=7200), ["cron(0 0,2,4,6,8,10,12,14,16,18,20,22 * * ? *)"]),
        (Schedule(every=900), ["cron(0,15,30,45 * * * ? *)"]),
        (
            Schedule(every=5400, days=("MON",)),
            ["cron(0 0,3,6,9,12,15,18,21 ? * MON *)", "cron(30 1,4,7,10,13,16,19,22 ? * MON *)"],
        ),
        (Schedule(every=7 * 3600), ["rate(7 hours)"]),
        (Schedule(every=2 * DAY), ["rate(2 days)"]),
        (Schedule(every=7 * 60), ["rate(7 minutes)"]),
        (Schedule(at=("0:00", "8:00", "17:00")), ["cron(0 0,8,17 * * ? *)"]),
        (
            Schedule(at=("08:00", "17:30"), days=("MON", "FRI")),
            ["cron(0 8 ? * MON,FRI *)", "cron(30 17 ? * MON,FRI *)"],
        ),
    ],
)
def test_intervals_and_times_become_as_few_entries_as_say_them(schedule: Schedule, told: list[str]) -> None:
    assert expressions(schedule) == told
    assert {entry.timezone for entry in entries(schedule, NOW)} == {"UTC"}


def test_an_interval_that_no_day_repeats_starts_at_a_multiple_of_itself() -> None:
    [entry] = entries(Schedule(every=7 * 3600), NOW + 1)
    assert entry.start is not None
    assert entry.start % (7 * 3600) == 0
    assert NOW < entry.start <= NOW + 7 * 3600
    assert entry.begins_alike(entry.start - 70 * 3600)
    assert not entry.begins_alike(entry.start - 3600)
    assert not entry.begins_alike(None)


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
        ("0 6 */2 * 1", "field 3.*field 5.*'both'"),
        ("0 6 30 2 *", "never fires"),
        ("0 6 LW * *", "not LW"),
    ],
)
def test_what_cannot_be_deployed_is_refused_where_it_is_written(cron: str, message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        check_cron(cron)
    with pytest.raises(ScheduleError, match=message):
        check_schedule(Schedule(cron), NOW)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "exactly one of cron, every and at, not none"),
        ({"cron": "0 6 * * *", "at": ("06:00",)}, "not cron and at"),
        ({"every": 30.0}, "whole minutes"),
        ({"every": 90.0}, "whole minutes"),
        ({"every": 31.0 * DAY}, "from 1 minute to 30 days"),
        ({"every": 25_200.0, "aligned": "wall_clock"}, "every 7 h does not divide a day"),
        ({"every": 25_200.0, "days": ("MON",)}, "cannot be kept to some days"),
        ({"every": 7_200.0, "days": ("MON",), "timezone": BERLIN}, "days in UTC"),
        ({"every": 7_200.0, "dst": "utc_fixed"}, "elapsed time"),
        ({"every": 7_200.0, "aligned": "hours"}, "aligned is one of elapsed, wall_clock"),
        ({"at": ("06:00",), "aligned": "wall_clock"}, "aligned goes with every"),
        ({"at": ("24:00",)}, "not a local time"),
        ({"at": ("6",)}, "not a local time"),
        ({"at": tuple(f"{n // 60}:{n % 60:02d}" for n in range(97))}, "97 times"),
        ({"at": ("06:00",), "days": ("MONDAY",)}, "'MONDAY' is not one of SUN"),
        ({"cron": "0 6 * * *", "days": ("MON",)}, "the fifth"),
        ({"cron": "0 6 * * *", "dst": "never"}, "dst is one of"),
        ({"cron": "0 6 * * *", "catch_up": "some"}, "catch_up is one of"),
        ({"cron": "0 6 * * *", "timezone": "Europe/Berln"}, "did you mean Europe/Berlin"),
        ({"cron": "0 6 * * *", "timezone": "localtime"}, "'localtime' is not a time zone"),
        ({"cron": "0 6 * * *", "timezone": "America/St_Johns", "dst": "utc_fixed"}, "UTC-03:30"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        check_schedule(Schedule(**fields), NOW)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule("0 6 * * 1-5", BERLIN), "at 06:00 on weekdays, Europe/Berlin"),
        (Schedule("0 6 * * *"), "at 06:00 every day, UTC"),
        (Schedule("30 4 * * 0,6", dst="skip"), "at 04:30 at weekends, UTC"),
        (Schedule("30 2 * * *", BERLIN, dst="skip"), "at 02:30 every day, Europe/Berlin, missing times left out"),
        (Schedule("30 2 * * *", BERLIN, dst="utc_fixed"), "at 02:30 every day, Europe/Berlin, standard time all year"),
        (Schedule("0 6 1,15 * 1"), "at 06:00 on day 1 and 15 of the month or on Monday, UTC"),
        (Schedule("0 6 L 3,6 *"), "at 06:00 on the last day of the month in Mar and Jun, UTC"),
        (Schedule("0 6 * * 5L"), "at 06:00 on the last Friday of the month, UTC"),
        (Schedule("0 6 * * 7#2"), "at 06:00 on the second Sunday of the month, UTC"),
        (Schedule("5,35 * * * *"), "at minute 5 and 35 of every hour, UTC"),
        (Schedule("* * * * 1-5"), "every minute on weekdays, UTC"),
        (Schedule("*/7 1-5 * * *"), "cron */7 1-5 * * *, UTC"),
        (
            Schedule(at=("8:00", "17:30"), days=("FRI", "MON", "SUN")),
            "at 08:00 and 17:30 on Monday, Friday and Sunday, UTC",
        ),
        (Schedule(every=7200), "every 2 h, counted from 00:00 UTC"),
        (Schedule(every=DAY), "every 1 day, counted from 00:00 UTC"),
        (Schedule(every=5400, days=("MON",)), "every 90 min on Monday, counted from 00:00 UTC"),
        (Schedule(every=25_200), "every 7 h, elapsed"),
        (
            Schedule(every=7200, aligned="wall_clock", timezone=BERLIN),
            "every 2 h of the wall clock, Europe/Berlin",
        ),
    ],
)  # fmt: skip
def test_a_schedule_is_told_in_words(schedule: Schedule, words: str) -> None:
    check_schedule(schedule, NOW)
    assert describe(schedule) == words


def test_a_schedule_comes_due_after_its_start_and_until_its_end() -> None:
    start, end = at("2026-01-01T06:00:00+01:00"), at("2026-01-03T06:00:00+01:00")
    assert list(fires(Schedule("0 6 * * *", BERLIN), start, end)) == [start + DAY, end]
    assert list(fires(Schedule("0 6 * * *", BERLIN), start, start + DAY - 1)) == []
    assert list(fires(Schedule("0 6 * * *", BERLIN), start - 0.5, start + 0.5)) == [start]
    assert list(fires(Schedule(every=25_200), 25_199.5, 50_400)) == [25_200, 50_400]


def test_a_window_that_begins_after_a_change_of_clocks_has_nothing_made_up() -> None:
    nightly = Schedule("30 2 * * *", BERLIN)
    change = at("2026-03-29T01:00:00Z")
    assert list(fires(nightly, change - 1, change + DAY)) == [change, at("2026-03-30T00:30:00Z")]
    assert list(fires(nightly, change, change + DAY)) == [at("2026-03-30T00:30:00Z")]
    assert list(fires(nightly, change - DAY, change - 1)) == [at("2026-03-28T01:30:00Z")]


@pytest.mark.parametrize(
    ("zone", "standard"),
    [
        (BERLIN, "Etc/GMT-1"),
        ("Europe/London", "UTC"),
        ("Europe/Dublin", "UTC"),
        ("America/New_York", "Etc/GMT+5"),
        ("Australia/Sydney", "Etc/GMT-10"),
        ("Australia/Adelaide", "Australia/Darwin"),
        # One hour less in Ramadan only
        ("Africa/Casablanca", "Etc/GMT-1"),
        # Clocks that are never changed
        ("Asia/Kolkata", "Asia/Kolkata"),
        ("America/Sao_Paulo", "America/Sao_Paulo"),
    ],
)
def test_standard_time_is_that_of_a_zone_that_never_changes_its_clocks(zone: str, standard: str) -> None:
    [entry] = entries(Schedule("0 6 * * *", zone, dst="utc_fixed"), NOW)
    assert entry.timezone == standard


@pytest.mark.parametrize("start", ["01:10", "01:45"])
def test_a_window_that_begins_in_an_hour_that_comes_twice(start: str) -> None:
    # Berlin, 25 October 2026: 02:00 to 03:00 twice, from 00:00 UTC on and from 01:00 UTC on.
    quarters = Schedule("*/15 * * * *", BERLIN)
    since = at(f"2026-10-25T{start}:00Z")
    assert next(iter(fires(quarters, since, since + DAY))) == at("2026-10-25T02:00:00Z")


@pytest.mark.parametrize(("cron", "zone"), [("0 25 * * *", "UTC"), ("0 25 * * *", BERLIN)])
def test_a_wrong_schedule_never_comes_due(cron: str, zone: str) -> None:
    with pytest.raises(ScheduleError):
        next(fires(Schedule(cron, zone), 0.0, 1e9))


def test_the_next_times_of_several_schedules_are_one_list() -> None:
    both = (Schedule("0 6 * * *"), Schedule(at=("06:00", "18:00")))
    found = next_fires(both, NOW, 4)
    assert [fire.local for fire in found] == [
        "2026-01-01 06:00 +00:00",
        "2026-01-01 18:00 +00:00",
        "2026-01-02 06:00 +00:00",
        "2026-01-02 18:00 +00:00",
    ]
    assert next_fires((), NOW, 4) == []


def test_the_next_times_say_what_is_odd_about_them() -> None:
    nightly = Schedule("30 2 * * *", BERLIN)
    spring = next_fires([nightly], at("2026-03-28T00:00:00Z"), 3)
    assert [(fire.local, fire.note) for fire in spring] == [
        ("2026-03-28 02:30 +01:00", ""),
        ("2026-03-29 03:00 +02:00", "02:30 does not exist on this day"),
        ("2026-03-30 02:30 +02:00", ""),
    ]
    autumn = next_fires([nightly], at("2026-10-24T00:00:00Z"), 3)
    assert [fire.note for fire in autumn] == ["", "02:30 comes twice on this day; this is the first", ""]
    twice = next_fires([Schedule(at=("02:10", "02:20"), timezone=BERLIN)], at("2026-03-29T00:00:00Z"), 1)
    assert twice[0].note == "02:10, 02:20 do not exist on this day"


@pytest.mark.parametrize(
    ("cron", "first"),
    [("0 0 29 2 *", "2028-02-29"), ("0 0 * 2 1#5", "2044-02-29"), ("0 0 1 1 *", "2027-01-01")],
)
def test_rare_times_are_found(cron: str, first: str) -> None:
    assert next_fires([Schedule(cron)], NOW, 1)[0].local.startswith(first)


def test_a_job_has_an_entry_for_each_way_it_comes_due() -> None:
    job = Job("load", "p", (), schedules=(Schedule("30 2 * * *", BERLIN), Schedule(at=("8:00", "9:30"))))
    found = job_entries(job, NOW)
    assert [name for name, entry in found.items() if entry.once is None] == ["load", "load.2", "load.3"]
    made = {name: entry for name, entry in found.items() if entry.once is not None}
    assert len(made) == 10
    assert made["load.dst-2026-03-29"].expression == "at(2026-03-29T03:00:00)"
    assert made["load.dst-2026-03-29"].timezone == BERLIN
    assert list(job_entries(replace(job, paused=True), NOW)) == ["load", "load.2", "load.3"]


def test_equal_schedules_of_a_job_are_one_entry() -> None:
    job = Job(
        "load", "p", (), schedules=(Schedule("0 6 * * *"), Schedule(at=("6:00",)), Schedule("0 6 * * 0-6"))
    )
    assert list(job_entries(job, NOW)) == ["load"]


def test_nothing_is_made_up_for_where_another_schedule_comes_due_anyway() -> None:
    # 03:00 in Berlin on 29 March is 01:00 UTC.
    job = Job("load", "p", (), schedules=(Schedule("30 2 * * *", BERLIN), Schedule("0 1 * * *")))
    assert list(job_entries(job, NOW)) == ["load", "load.2"]
    by_interval = Job("load", "p", (), schedules=(Schedule("30 2 * * *", BERLIN), Schedule(every=DAY * 2)))
    assert "load.dst-2026-03-29" in job_entries(by_interval, NOW)


def test_two_zones_that_change_on_one_day_have_a_one_off_each() -> None:
    job = Job(
        "load", "p", (), schedules=(Schedule("30 2 * * *", BERLIN), Schedule("30 3 * * *", "Europe/Athens"))
    )
    assert {name for name in job_entries(job, NOW) if "2027" in name} == {"load.dst-2027-03-28"}
    apart = tuple(Schedule("30 2 * * *", zone) for zone in ("America/New_York", "America/Denver"))
    farther = Job("load", "p", (), schedules=apart)
    made = {name: e.timezone for name, e in job_entries(farther, NOW).items() if "dst-2027" in name}
    assert made == {"load.dst-2027-03-14": "America/New_York", "load.dst-2027-03-14.0900": "America/Denver"}


@pytest.mark.parametrize("cron", ["*/30 * * * *", "30 */2 * * *", "30 * * * *"])
def test_nothing_is_made_up_for_where_the_next_time_is_near(cron: str) -> None:
    assert all(entry.once is None for entry in entries(Schedule(cron, BERLIN), NOW))


def test_a_missing_time_is_not_made_up_for_at_an_instant_that_comes_due_anyway() -> None:
    assert len(entries(Schedule("0 2-3 * * *", BERLIN), NOW)) == 1
    start, end = at("2026-03-29T00:00:00Z"), at("2026-03-29T12:00:00Z")
    assert list(fires(Schedule("0 2-3 * * *", BERLIN), start, end)) == [at("2026-03-29T01:00:00Z")]


_FIELD = {"minute": (0, 59), "hour": (0, 23), "day": (1, 28), "month": (1, 12), "weekday": (0, 7)}


def _values(name: str) -> st.SearchStrategy[str]:
    low, high = _FIELD[name]
    number = st.integers(low, high)
    pair = st.tuples(number, number).map(lambda both: f"{min(both)}-{max(both)}")
    stepped = st.tuples(st.one_of(st.just("*"), pair), st.integers(1, 20)).map("{0[0]}/{0[1]}".format)
    plain = st.one_of(number.map(str), pair)
    return st.one_of(plain, stepped, st.lists(plain, min_size=1, max_size=3).map(",".join))


_STAR = st.just("*")
CRONS = st.one_of(
    st.tuples(_values("minute"), _values("hour"), st.one_of(_STAR, _values("day")), _STAR, _STAR),
    st.tuples(
        _values("minute"), _values("hour"), _STAR, _values("month"), st.one_of(_STAR, _values("weekday"))
    ),
    st.tuples(_values("minute"), _values("hour"), st.just("L"), _values("month"), _STAR),
    st.tuples(
        _values("minute"), _values("hour"), st.integers(1, 28).map(str), _STAR, st.integers(0, 7).map(str)
    ),
).map(" ".join)


@given(cron=CRONS, start=st.integers(int(NOW), int(NOW) + 800 * DAY))
@settings(max_examples=150, deadline=None)
@example(cron="0 6 * * 6L", start=int(NOW))  # of January both the 24th and the 31st are Saturdays
@example(cron="0 6 * * 0L", start=int(NOW) + 31 * DAY)
def test_a_cron_expression_means_the_same_as_its_entries(cron: str, start: int) -> None:
    """Against cronsim for what cron means and against the plain evaluator for what EventBridge does; in UTC."""
    end = start + 70 * DAY
    expected = []
    for moment in CronSim(cron, datetime.fromtimestamp(start, UTC)):
        if moment.timestamp() > end or len(expected) == 300:
            break
        expected.append(moment.timestamp())
    if len(expected) == 300:
        end = int(expected[-1])
    assert list(fires(Schedule(cron), start, end)) == expected
    assert fired(Schedule(cron), start, end) == expected


@given(
    minutes=st.integers(1, 3000),
    days=st.sets(st.sampled_from(("MON", "TUE", "SAT", "SUN"))),
    start=st.integers(int(NOW), int(NOW) + 800 * DAY),
)
@settings(max_examples=80, deadline=None)
def test_elapsed_time_is_counted_from_midnight_in_utc(minutes: int, days: set[str], start: int) -> None:
    divides = 1440 % minutes == 0
    kept = tuple(sorted(days)) if divides else ()
    schedule = Schedule(every=minutes * 60.0, days=kept)
    check_schedule(schedule, start)
    end = start + 4 * DAY
    step = minutes * 60
    every = [float(instant) for instant in range(start // step * step + step, end + 1, step)]
    named = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
    expected = [t for t in every if not kept or named[datetime.fromtimestamp(t, UTC).weekday()] in kept]
    assert list(fires(schedule, start, end)) == expected
    assert fired(schedule, start, end) == expected
