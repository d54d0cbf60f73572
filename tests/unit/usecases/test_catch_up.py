"""Due times that nobody told of: what is started of them, how many at once, and that none is started twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.due import due_at, due_cause, due_text
from headgate.domain.events import ScheduleFired
from headgate.domain.fire import fires
from headgate.domain.job import Environment, Job, JobsFile
from headgate.domain.run import Run, RunStatus
from headgate.domain.schedule import Schedule
from headgate.errors import ScheduleError, UnavailableError
from headgate.usecases.catch_up import GRACE, MOST_AT_ONCE, catch_up
from headgate.usecases.match_triggers import match_triggers

START = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
MINUTE, HOUR = 60.0, 3600.0
HOURLY = Schedule("0 * * * *")


def make_job(name: str = "hourly", *schedules: Schedule, **fields: Any) -> Job:
    return Job(name, "production", ("dbt build",), schedules=schedules or (HOURLY,), **fields)


def apply(world: MemoryWorld, *jobs: Job) -> None:
    world.jobs.apply(JobsFile((Environment("production", "prod", "analytics"),), jobs, ()))


def known_since_midnight(*jobs: Job) -> MemoryWorld:
    """Jobs that a look has seen, at 00:00 on 1 June."""
    world = MemoryWorld()
    apply(world, *jobs)
    world.jobs.point_at("production", "d" * 64)
    go_to(world, START)
    assert look(world) == []
    return world


def go_to(world: MemoryWorld, at: float) -> None:
    world.clock.advance(at - world.clock.now())


def look(world: Any) -> list[Run]:
    return catch_up(
        jobs=world.jobs,
        activities=world.activities,
        runs=world.runs,
        bus=world.bus,
        events=world.events,
        clock=world.clock,
    )


def tell(world: MemoryWorld, job: str, at: float) -> list[Run]:
    return match_triggers(ScheduleFired(job=job, scheduled_time=due_text(at)), world)


def due(runs: Iterable[Run]) -> list[str]:
    return [run.cause.key[11:16] for run in sorted(runs, key=lambda run: run.cause.key)]


def notes(world: MemoryWorld, job: str, at: float) -> list[str]:
    return [note["text"] for note in world.events.get(f"schedule/{job}/{due_text(at)}")["notes"]]


def test_a_time_that_nobody_told_of_is_started_after_ten_minutes() -> None:
    world = known_since_midnight(make_job())
    go_to(world, START + HOUR + GRACE - 1)
    assert look(world) == []
    go_to(world, START + HOUR + GRACE)
    [run] = look(world)
    assert run.cause == due_cause(START + HOUR)
    assert look(world) == []
    assert notes(world, "hourly", START + HOUR) == [f"started run {run.run_id}, 10 min late"]


def test_what_was_told_of_is_not_started_again_nor_what_is_told_of_late() -> None:
    world = known_since_midnight(make_job())
    go_to(world, START + HOUR)
    [on_time] = tell(world, "hourly", START + HOUR)
    go_to(world, START + 2 * HOUR + GRACE)
    [caught_up] = look(world)
    assert due(world.runs.list_runs()) == ["01:00", "02:00"]
    assert tell(world, "hourly", START + 2 * HOUR) == [caught_up]
    assert tell(world, "hourly", START + HOUR) == [world.runs.get_run(on_time.run_id)]
    assert len(world.runs.list_runs()) == 2


@pytest.mark.parametrize(
    ("policy", "caught_up"),
    [("latest", ["04:00"]), ("all", ["01:00", "02:00", "03:00", "04:00"]), ("none", [])],
)
def test_after_an_outage_the_schedule_says_what_is_caught_up(policy: str, caught_up: list[str]) -> None:
    world = known_since_midnight(make_job("hourly", replace(HOURLY, catch_up=policy)))
    go_to(world, START + 4 * HOUR + 30 * MINUTE)
    assert due(look(world)) == caught_up
    assert look(world) == []
    assert {run.status for run in world.runs.list_runs()} <= {RunStatus.QUEUED}
    assert world.activities.activity("hourly").last_due == START + 4 * HOUR + 30 * MINUTE - GRACE


def test_none_says_that_it_passed_a_time_over() -> None:
    world = known_since_midnight(make_job("hourly", replace(HOURLY, catch_up="none")))
    go_to(world, START + HOUR + 30 * MINUTE)
    look(world)
    assert notes(world, "hourly", START + HOUR) == ["missed, and passed over: catch_up is none"]


def test_the_latest_is_not_started_behind_one_that_was_told_of_meanwhile() -> None:
    """10:00 is told of as soon as everything works again: what was missed before is in it."""
    world = known_since_midnight(make_job(), make_job("each", replace(HOURLY, catch_up="all")))
    go_to(world, START + 10 * HOUR + 5 * MINUTE)
    [told] = tell(world, "hourly", START + 10 * HOUR)
    tell(world, "each", START + 10 * HOUR)
    begun = look(world)
    assert {run.job for run in begun} == {"each"}
    assert due(begun) == [f"0{hour}:00" for hour in range(1, 10)]
    assert notes(world, "hourly", START + 9 * HOUR) == [
        f"missed, and passed over: run {told.run_id} is of a later time"
    ]


def test_a_schedule_that_is_due_more_often_than_ten_minutes_is_caught_up_as_well() -> None:
    world = known_since_midnight(make_job("often", Schedule("*/5 * * * *")))
    began = []
    for minute in range(1, 40):
        go_to(world, START + minute * MINUTE)
        began += look(world)
    assert due(began) == ["00:05", "00:10", "00:15", "00:20", "00:25"]


def test_nothing_is_caught_up_of_before_a_job_was_known() -> None:
    world = MemoryWorld()
    apply(world, make_job("hourly", replace(HOURLY, catch_up="all")))
    go_to(world, START + 30.5 * HOUR)
    assert look(world) == []
    go_to(world, START + 30.9 * HOUR)
    assert look(world) == []
    go_to(world, START + 31.2 * HOUR)
    assert due(look(world)) == ["07:00"]


def test_a_changed_schedule_has_missed_nothing_of_before() -> None:
    world = known_since_midnight(make_job("daily", Schedule("0 12 * * *")))
    for hour in range(1, 9):
        go_to(world, START + hour * HOUR)
        assert look(world) == []
    apply(world, make_job("daily", Schedule("0 6 * * *")))
    assert look(world) == []


@pytest.mark.parametrize("off", ["paused", "deactivated", "in its file"])
def test_what_comes_due_while_a_job_is_off_is_never_caught_up(off: str) -> None:
    world = known_since_midnight(make_job())
    if off == "paused":
        world.activities.pause("hourly", "by ana")
    elif off == "deactivated":
        world.activities.deactivate("hourly", 0, "2026-06-01")
    else:
        apply(world, make_job(paused=True))
    go_to(world, START + HOUR + MINUTE)
    assert look(world) == []
    world.activities.resume("hourly")
    apply(world, make_job())
    go_to(world, START + HOUR + 20 * MINUTE)
    assert look(world) == []
    go_to(world, START + 2 * HOUR + 20 * MINUTE)
    assert due(look(world)) == ["02:00"]


def test_each_schedule_of_a_job_is_caught_up_in_its_own_way() -> None:
    world = known_since_midnight(
        make_job("mixed", replace(HOURLY, catch_up="none"), Schedule(every=2 * HOUR, catch_up="all"))
    )
    go_to(world, START + 5 * HOUR + 30 * MINUTE)
    assert due(look(world)) == ["02:00", "04:00"]


def test_what_lies_longer_back_than_a_week_is_passed_over() -> None:
    world = known_since_midnight(make_job("daily", Schedule("0 6 * * *", catch_up="all")))
    go_to(world, START + 20 * 24 * HOUR)
    assert [run.cause.key[:10] for run in look(world)] == [f"2026-06-{day}" for day in range(14, 21)]


@pytest.mark.parametrize("policy", ["latest", "all"])
def test_after_four_hours_of_outage_two_hundred_schedules_begin_over_some_minutes(policy: str) -> None:
    jobs = [
        make_job(f"job-{number:03d}", Schedule(f"{number % 60} * * * *", catch_up=policy))
        for number in range(200)
    ]
    world = known_since_midnight(*jobs)
    back = START + 5 * HOUR
    for minute in range(0, 60):
        go_to(world, START + minute * MINUTE)
        for job in jobs:
            for at in fires(job.schedules[0], START + (minute - 1) * MINUTE, START + minute * MINUTE):
                tell(world, job.name, at)
        assert look(world) == []
    told = {(run.job, run.cause.key) for run in world.runs.list_runs(1000)}
    # From 01:00 to 05:00 nothing ticks, nothing looks.
    begun: list[Run] = []
    for minute in range(60):
        go_to(world, back + minute * MINUTE)
        found = look(world)
        assert len(found) <= MOST_AT_ONCE
        begun += found
    keys = {(run.job, run.cause.key) for run in begun}
    assert len(keys) == len(begun) == len(world.runs.list_runs(5000)) - len(told)
    assert not keys & told
    missed = {
        job.name: [due_text(at) for at in fires(job.schedules[0], START + HOUR - 1, back - GRACE)]
        for job in jobs
    }
    if policy == "latest":
        # One run each of the outage; of what comes due meanwhile nobody tells either.
        assert all(
            (name, times[-1]) in keys or (name, _later(times[-1], 1)) in keys
            for name, times in missed.items()
        )
        assert not any((name, time) in keys for name, times in missed.items() for time in times[:-1])
    else:
        assert {(name, time) for name, times in missed.items() for time in times} <= keys


def _later(text: str, hours: int) -> str:
    return due_text(due_at(text) + hours * HOUR)


def test_a_long_backlog_of_one_job_does_not_keep_the_others_waiting() -> None:
    each = replace(Schedule("* * * * *"), catch_up="all")
    world = known_since_midnight(make_job("long", each), make_job("short", Schedule("0 * * * *")))
    go_to(world, START + HOUR + 20 * MINUTE)
    first = look(world)
    assert len(first) == MOST_AT_ONCE
    assert [run.job for run in first].count("short") == 1
    rest = [look(world) for _ in range(4)]
    assert [len(found) for found in rest] == [20, 20, 11, 0]
    assert len({run.cause.key for run in world.runs.list_runs(500, "long")}) == 70


def test_more_than_one_look_can_ask_about_loses_nothing() -> None:
    """Told of for four hours while nobody looked, and then no longer."""
    world = known_since_midnight(
        make_job("long", Schedule("* * * * *", catch_up="all"), on_conflict="queue_all")
    )
    go_to(world, START + 4 * HOUR)
    for minute in range(1, 241):
        tell(world, "long", START + minute * MINUTE)
    go_to(world, START + 4 * HOUR + 20 * MINUTE)
    began = [len(look(world)) for _ in range(3)]
    assert began == [0, 10, 0]
    assert len(world.runs.list_runs(500)) == 250


def test_a_job_that_cannot_be_started_holds_up_no_other() -> None:
    world = known_since_midnight(make_job("a"), make_job("b"), make_job("c", Schedule("0 25 * * *")))
    go_to(world, START + HOUR + 20 * MINUTE)
    create = world.runs.create_run

    def refuse_a(job: Job, *more: Any, **named: Any) -> Any:
        if job.name == "a":
            raise UnavailableError("the table does not answer")
        return create(job, *more, **named)

    world.runs.create_run = refuse_a  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        look(world)
    assert [run.job for run in world.runs.list_runs()] == ["b"]
    world.runs.create_run = create  # type: ignore[method-assign]
    with pytest.raises(ScheduleError, match="cron"):
        look(world)
    assert sorted(run.job for run in world.runs.list_runs()) == ["a", "b"]


class Killed(BaseException):
    """Whoever looked is gone."""


class Counted:
    """A port whose calls are counted; one of them is the last."""

    def __init__(self, port: Any, left: list[int], *, after: bool) -> None:
        self._port, self._left, self._after = port, left, after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._port, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            self._left[0] -= 1
            if self._left[0] == -1:
                if self._after:
                    call(*arguments, **named)
                raise Killed
            return call(*arguments, **named)

        return counted


class Ports:
    def __init__(self, world: MemoryWorld, kill: int, *, after: bool) -> None:
        left = [kill]
        for name in ("jobs", "activities", "runs", "bus", "events"):
            setattr(self, name, Counted(getattr(world, name), left, after=after))
        self.clock = world.clock


def missed_hours() -> MemoryWorld:
    jobs = [make_job(policy, replace(HOURLY, catch_up=policy)) for policy in ("latest", "all", "none")]
    world = known_since_midnight(*jobs)
    go_to(world, START + 3 * HOUR + 20 * MINUTE)
    tell(world, "all", START + 2 * HOUR)
    return world


def outcome(world: MemoryWorld) -> Any:
    noted = {
        event["event_id"]: [(note["job"], note["text"]) for note in event["notes"]]
        for event in world.events.recent(100)
    }
    due_of = {name: world.activities.activity(name).last_due for name in ("latest", "all", "none")}
    return sorted((run.job, run.cause.key, run.status) for run in world.runs.list_runs(100)), noted, due_of


@pytest.mark.parametrize("after", [False, True])
def test_whoever_dies_between_two_calls_is_made_good_by_the_next_look(*, after: bool) -> None:
    whole = missed_hours()
    look(whole)
    expected = outcome(whole)
    kill = 0
    while True:
        world = missed_hours()
        try:
            look(Ports(world, kill, after=after))
        except Killed:
            kill += 1
        else:
            break
        look(world)
        assert outcome(world) == expected
    assert kill > 25


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_ticks_told_of_up_to_three_times_in_any_order_make_a_thousand_runs(seed: int) -> None:
    random = Random(seed)
    job = make_job("often", Schedule("*/5 * * * *", catch_up="all"), on_conflict="queue_all")
    world = known_since_midnight(job)
    ticks = [START + 300 * number for number in range(1, 1001)]
    go_to(world, ticks[-1])
    told = [at for at in ticks for _ in range(random.randint(1, 3))]
    random.shuffle(told)
    for at in told:
        tell(world, "often", at)
    runs = world.runs.list_runs(5000)
    assert sorted(run.cause.key for run in runs) == sorted(due_text(at) for at in ticks)
    go_to(world, ticks[-1] + 299)
    assert [look(world) for _ in range(10)] == [[]] * 10
    assert len(world.runs.list_runs(5000)) == 1000
