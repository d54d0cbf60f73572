"""What schedules rest on: entries in Scheduler that follow their jobs, and runs that are found by their cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from headgate.domain.due import due_cause
from headgate.domain.job import Job
from headgate.domain.schedule import Schedule
from headgate.errors import UnavailableError
from tests.contract.conftest import MotoStage, Stage

BERLIN = "Europe/Berlin"
NIGHTLY = Job("nightly", "production", (), schedules=(Schedule("30 2 * * *", BERLIN),))
OFTEN = Job("often", "production", (), schedules=(Schedule("0 6 1 * 1"), Schedule(every=25_200)))
HOURLY = Job("hourly", "production", (), schedules=(Schedule("5 * * * *"),))
GROUP = "headgate-schedules"
NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()


def entries(prefix: str = "") -> dict[str, dict[str, Any]]:
    """What is in the group, by name."""
    client = boto3.client("scheduler")
    pages = client.get_paginator("list_schedules").paginate(GroupName=GROUP)
    names = [
        entry["Name"] for page in pages for entry in page["Schedules"] if entry["Name"].startswith(prefix)
    ]
    return {name: dict(client.get_schedule(GroupName=GROUP, Name=name)) for name in names}


@pytest.fixture
def at_june(stage: Stage) -> Iterator[Stage]:
    stage.clock.advance(NOW - stage.clock.now())
    return stage


@pytest.fixture
def june(moto: MotoStage) -> MotoStage:
    moto.clock.advance(NOW - moto.clock.now())
    return moto


def test_a_run_is_found_by_its_cause(stage: Stage) -> None:
    due = due_cause(1_769_839_200.0)
    assert stage.world.runs.run_of("hourly", due) is None
    run, _ = stage.world.runs.create_run(HOURLY, "d", due)
    assert stage.world.runs.run_of("hourly", due) == run
    assert stage.world.runs.run_of("nightly", due) is None
    assert stage.world.runs.run_of("hourly", due_cause(1_769_839_260.0)) is None


def test_drift_is_what_the_next_sync_would_mend(at_june: Stage) -> None:
    scheduler = at_june.world.scheduler
    assert scheduler.drift([], "headgate.yml") == []
    missing = scheduler.drift([HOURLY, OFTEN], "headgate.yml")
    assert missing == [f"schedule {name} is missing" for name in ("hourly", "often", "often.2", "often.3")]
    scheduler.sync([HOURLY, OFTEN, NIGHTLY], "headgate.yml")
    assert scheduler.drift([NIGHTLY, HOURLY, OFTEN], "headgate.yml") == []
    left = scheduler.drift([HOURLY, NIGHTLY, replace(OFTEN, schedules=OFTEN.schedules[:1])], "headgate.yml")
    assert left == ["schedule often.3 is left over"]
    [changed] = scheduler.drift([replace(HOURLY, paused=True), OFTEN, NIGHTLY], "headgate.yml")
    assert changed.startswith("schedule hourly was changed: ")


def test_nothing_has_drifted_because_time_has_passed(at_june: Stage) -> None:
    scheduler = at_june.world.scheduler
    scheduler.sync([NIGHTLY, OFTEN], "headgate.yml")
    for _ in range(8):
        at_june.clock.advance(180 * 86_400)
        gone = [line for line in scheduler.drift([NIGHTLY, OFTEN], "headgate.yml") if "left over" not in line]
        assert gone == []


def test_a_job_that_its_file_pauses_keeps_its_name_and_no_job_without_schedules_has_one(
    at_june: Stage,
) -> None:
    scheduler = at_june.world.scheduler
    scheduler.sync([replace(NIGHTLY, paused=True), replace(HOURLY, schedules=()), OFTEN], "headgate.yml")
    assert scheduler.names("headgate.yml") == ["nightly", "often"]


def test_every_entry_says_when(june: MotoStage) -> None:
    june.world.scheduler.sync([NIGHTLY, OFTEN], "headgate.yml")
    found = entries()
    assert {name: found[name]["ScheduleExpression"] for name in found if "dst" not in name} == {
        "nightly": "cron(30 2 * * ? *)",
        "often": "cron(0 6 1 * ? *)",
        "often.2": "cron(0 6 ? * MON *)",
        "often.3": "rate(7 hours)",
    }
    assert {found[name]["State"] for name in found} == {"ENABLED"}
    start = found["often.3"]["StartDate"].timestamp()
    assert start % 25_200 == 0
    assert NOW < start <= NOW + 25_200
    made = {name: entry for name, entry in found.items() if "dst" in name}
    assert len(made) == 10
    assert made["nightly.dst-2027-03-28"]["ScheduleExpression"] == "at(2027-03-28T03:00:00)"
    assert made["nightly.dst-2027-03-28"]["ScheduleExpressionTimezone"] == BERLIN
    assert {entry["ActionAfterCompletion"] for entry in made.values()} == {"DELETE"}
    assert len({entry["Target"]["Input"] for entry in (found["nightly"], *made.values())}) == 1


def test_a_paused_jobs_entries_are_off_and_come_back(june: MotoStage) -> None:
    june.world.scheduler.sync([replace(NIGHTLY, paused=True)], "headgate.yml")
    assert {name: entry["State"] for name, entry in entries().items()} == {"nightly": "DISABLED"}
    june.world.scheduler.sync([NIGHTLY], "headgate.yml")
    assert {entry["State"] for entry in entries().values()} == {"ENABLED"}
    assert len(entries()) == 11


def calls(scheduler: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written from now on: verb and name."""
    written: list[str] = []
    for verb in ("create", "update", "delete"):
        monkeypatch.setattr(scheduler._client, f"{verb}_schedule", _noting(scheduler, verb, written))
    return written


def _noting(scheduler: Any, verb: str, written: list[str]) -> Callable[..., Any]:
    call = getattr(scheduler._client, f"{verb}_schedule")

    def note(**request: Any) -> Any:
        written.append(f"{verb} {request['Name']}")
        return call(**request)

    return note


def test_a_rate_goes_on_as_it_began_and_the_horizon_moves(
    june: MotoStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = june.world.scheduler
    scheduler.sync([NIGHTLY, OFTEN], "headgate.yml")
    written = calls(scheduler, monkeypatch)
    scheduler.sync([NIGHTLY, OFTEN], "headgate.yml")
    assert written == []
    june.clock.advance(400 * 86_400)
    scheduler.sync([NIGHTLY, OFTEN], "headgate.yml")
    # moto deletes no one-off that came due, as Scheduler does.
    assert written == ["create nightly.dst-2037-03-29", "delete nightly.dst-2027-03-28"]


def _refusing_what_began(scheduler: Any, june: MotoStage, written: list[datetime]) -> Callable[..., Any]:
    """Scheduler takes no start that is more than five minutes past; moto takes any."""
    call = scheduler._client.update_schedule

    def update(**request: Any) -> Any:
        start = request["StartDate"]
        assert start.timestamp() >= june.clock.now() - 300, (
            "The StartDate cannot be earlier than 5 minutes ago."
        )
        written.append(start)
        return call(**request)

    return update


def test_a_rate_that_runs_is_changed_without_saying_a_start_that_is_past(
    june: MotoStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = june.world.scheduler
    often = replace(OFTEN, schedules=OFTEN.schedules[1:])
    scheduler.sync([often], "headgate.yml")
    june.clock.advance(3 * 86_400)
    written: list[datetime] = []
    monkeypatch.setattr(scheduler._client, "update_schedule", _refusing_what_began(scheduler, june, written))
    for paused in (True, False):
        scheduler.sync([replace(often, paused=paused)], "headgate.yml")
        assert scheduler.drift([replace(often, paused=paused)], "headgate.yml") == []
    scheduler.sync([often], "shop")
    assert {start.timestamp() % 25_200 for start in written} == {0}
    assert len(written) == 3


def test_what_was_changed_by_hand_is_told_and_mended(june: MotoStage) -> None:
    scheduler = june.world.scheduler
    scheduler.sync([HOURLY, NIGHTLY], "headgate.yml")
    request = {key: value for key, value in entries("hourly")["hourly"].items() if key not in _READ_ONLY}
    changed = {"ScheduleExpression": "cron(6 * * * ? *)", "Target": {**request["Target"], "Input": "{}"}}
    boto3.client("scheduler").update_schedule(**{**request, **changed})
    boto3.client("scheduler").delete_schedule(GroupName=GROUP, Name="nightly.dst-2027-03-28")
    assert scheduler.drift([HOURLY, NIGHTLY], "headgate.yml") == [
        "schedule hourly was changed: ScheduleExpression is 'cron(6 * * * ? *)', not 'cron(5 * * * ? *)'",
        "schedule hourly was changed: Target is another",
        "schedule nightly.dst-2027-03-28 is missing",
    ]
    scheduler.sync([HOURLY, NIGHTLY], "headgate.yml")
    assert scheduler.drift([HOURLY, NIGHTLY], "headgate.yml") == []


_READ_ONLY = {"Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"}


@pytest.mark.parametrize("after", [False, True])
def test_whoever_dies_while_schedules_are_made_is_made_good_by_the_next(
    june: MotoStage, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    """At each write: before it, and after it was done and nobody heard of it."""
    scheduler = june.world.scheduler
    before = [HOURLY, replace(NIGHTLY, schedules=(Schedule("0 5 * * *", dst="skip"),)), OFTEN]
    wanted = [
        replace(HOURLY, schedules=(Schedule("6 * * * *"), Schedule(at=("0:30",)))),
        replace(NIGHTLY, paused=True),
    ]
    scheduler.sync(wanted, "headgate.yml")
    expected = {name: entry["ScheduleExpression"] for name, entry in entries().items()}
    killed = 0
    while True:
        scheduler.sync(before, "headgate.yml")
        with monkeypatch.context() as patch:
            _dies_at(scheduler, killed, patch, after=after)
            try:
                scheduler.sync(wanted, "headgate.yml")
            except UnavailableError:
                killed += 1
            else:
                break
        scheduler.sync(wanted, "headgate.yml")
        assert {name: entry["ScheduleExpression"] for name, entry in entries().items()} == expected
        assert scheduler.drift(wanted, "headgate.yml") == []
    assert killed == 6


def _dies_at(scheduler: Any, number: int, patch: pytest.MonkeyPatch, *, after: bool) -> None:
    left = [number]
    for verb in ("create", "update", "delete"):
        patch.setattr(scheduler._client, f"{verb}_schedule", _dying(scheduler, verb, left, after=after))


def _dying(scheduler: Any, verb: str, left: list[int], *, after: bool) -> Callable[..., Any]:
    call = getattr(scheduler._client, f"{verb}_schedule")

    def die(**request: Any) -> Any:
        left[0] -= 1
        if left[0] == -1:
            if after:
                call(**request)
            raise UnavailableError("killed")
        return call(**request)

    return die


def test_what_an_earlier_version_made_is_taken_over_or_away(june: MotoStage) -> None:
    """One schedule per job, named like it, with the same words in its description."""
    for name, target in (("nightly", "nightly"), ("dropped", "dropped")):
        boto3.client("scheduler").create_schedule(
            GroupName=GROUP,
            Name=name,
            Description="managed by headgate.yml",
            ScheduleExpression="cron(0 6 * * ? *)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": june.world.settings.schedule_target_arn,
                "RoleArn": june.world.settings.schedule_role_arn,
                "Input": f'{{"detail": {{"job": "{target}"}}}}',
            },
        )
    june.world.scheduler.sync([replace(NIGHTLY, schedules=(Schedule("0 5 * * *"),))], "headgate.yml")
    assert {name: entry["ScheduleExpression"] for name, entry in entries().items()} == {
        "nightly": "cron(0 5 * * ? *)"
    }


def test_the_longest_names_are_legal(june: MotoStage) -> None:
    long = [replace(NIGHTLY, name=letter * 48) for letter in "ab"]
    two = Schedule("30 2 * * *", "America/Denver"), Schedule("30 2 * * *", "America/New_York")
    june.world.scheduler.sync([*long, replace(NIGHTLY, name="c" * 48, schedules=two)], "headgate.yml")
    assert len(entries()) == 11 * 2 + 22
    assert all(len(name) <= 64 for name in entries())
    assert june.world.scheduler.names("headgate.yml") == [letter * 48 for letter in "abc"]
