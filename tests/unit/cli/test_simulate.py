"""headgate simulate: what another schedule or policy would have built, and what is wrong with the question."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.adapters.jobs_file import read_jobs_file
from headgate.domain.index import Index
from headgate.domain.job import Job, JobsFile, ReusePolicy
from headgate.domain.schedule import Schedule
from headgate.domain.sync import Sync
from tests.builders import fivetran_gate
from tests.unit.cli.conftest import BUNDLE
from tests.unit.cli.test_sources import CHARGES, NO_VARS, model, source

HOUR, DAY = 3600.0, 86_400.0
NODES = (source("charges", "stripe"), model("payments", CHARGES), model("report", "model.shop.payments"))
FED = Job(
    "fed",
    "production",
    (),
    gates=(fivetran_gate("stripe"),),
    reuse=ReusePolicy(unchanged=True, look_every=100 * DAY),
)
IDLE = Job("idle", "production", ())


def apply(world: Any, *jobs: Job) -> None:
    file = read_jobs_file(Path("headgate.yml"))
    world.jobs.apply(JobsFile(file.environments, (*file.jobs, *jobs), file.alerts, file.origin))


@pytest.fixture
def published(world: Any) -> Any:
    """Two models behind stripe, which has synced each day at six for ten days."""
    index = Index(dbt_version="1.11.16", schema_version="v12", nodes={node.unique_id: node for node in NODES})
    world.bundles._files[BUNDLE, f"{NO_VARS}/index.msgpack"] = index.encode()
    apply(world, FED, IDLE)
    for day in range(10):
        at = world.clock.now() - (9 - day) * DAY - 18 * HOUR
        world.freshness.record_sync(Sync("fivetran", "abc", "stripe", str(day), at))
        world.freshness.record_sync(Sync("fivetran", "xyz", "unrelated", str(day), at))
    world.history.learn("production", {"model.shop.payments as table": 30.0})
    return world


@pytest.mark.usefixtures("published")
def test_a_schedule_is_compared_with_the_job_as_it_is_and_with_no_reuse(asked: Any) -> None:
    found = asked("simulate", "fed", "--cron", "0 */3 * * *", "--days", "9")
    assert (found["syncs"], found["days_replayed"]) == (9, 9.0)
    assert (found["proposed"]["runs"], found["proposed"]["builds"]) == (72, 18)
    assert found["proposed"]["runs_without_a_build"] == 63
    assert (found["now"]["runs"], found["now"]["builds"]) == (9, 18)
    assert found["without_reuse"]["builds"] == 144
    assert found["without_reuse"]["aws_dollars"]["low"] > found["proposed"]["aws_dollars"]["low"]


@pytest.mark.usefixtures("published")
def test_fewer_days_than_asked_for_is_said(headgate: Any, asked: Any) -> None:
    found = asked("simulate", "fed", "--cron", "0 * * * *", "--days", "30")
    assert (found["days"], found["days_replayed"], found["syncs"]) == (30, 9.75, 10)
    result = headgate("simulate", "fed", "--cron", "0 * * * *")
    assert result.exit_code == 0
    assert "9.8 of 30 days" in result.stderr
    assert "replayed 10 syncs from" in result.stderr
    rows = [line.split("  ")[0] for line in result.stdout.splitlines()]
    assert rows[1:4] == ["at minute 0 of every hour, UTC", "as it is now", "without reuse"]
    assert "built because of: " in result.stdout


def test_a_project_whose_connectors_were_never_heard_of(published: Any, headgate: Any) -> None:
    published.freshness._syncs.clear()
    published.freshness._last.clear()
    result = headgate("simulate", "fed", "--cron", "0 * * * *", "--days", "2")
    assert result.exit_code == 0
    assert "no sync is recorded" in result.stderr
    assert "unknown_source" in result.stdout


@pytest.mark.usefixtures("published")
def test_a_policy_is_tried_without_being_applied(published: Any, asked: Any) -> None:
    found = asked(
        "simulate", "nightly", "--policy", "unchanged=true", "--policy", "silent_after=36h", "--days", "5"
    )
    assert found["policy"]["unchanged"] is True
    assert found["policy"]["silent_after"] == 36 * HOUR
    [schedule] = found["schedules"]
    assert schedule["words"] == "at 06:00 on weekdays, Europe/Berlin"
    assert (schedule["cron"], schedule["timezone"]) == ("0 6 * * 1-5", "Europe/Berlin")
    assert found["proposed"]["runs"] == found["now"]["runs"] == found["without_reuse"]["runs"]
    assert found["proposed"]["builds"] <= found["now"]["builds"]
    assert published.jobs.job("nightly").reuse == ReusePolicy()


@pytest.mark.usefixtures("published")
def test_intervals_and_lists_of_times_are_tried_too(asked: Any) -> None:
    by_interval = asked("simulate", "fed", "--every", "3h", "--days", "9")
    assert (
        by_interval["proposed"]
        == asked("simulate", "fed", "--cron", "0 */3 * * *", "--days", "9")["proposed"]
    )
    by_times = asked("simulate", "nightly", "--at", "8:00, 17:30", "--days", "9")
    assert by_times["schedules"][0]["words"] == "at 08:00 and 17:30 every day, Europe/Berlin"
    assert by_times["proposed"]["runs"] == 18


def test_all_the_schedules_of_a_job_are_simulated_and_one_moment_is_one_run(
    published: Any, asked: Any
) -> None:
    nightly = published.jobs.job("nightly")
    twice = (Schedule("0 6 * * *"), Schedule(every=6 * HOUR), Schedule(at=("06:00", "07:00")))
    apply(published, replace(nightly, name="often", schedules=twice))
    found = asked("simulate", "often", "--days", "3")
    assert found["proposed"]["runs"] == found["now"]["runs"] == 3 * 5


def test_a_job_that_nothing_starts_has_no_now(published: Any, asked: Any) -> None:
    by_hand = replace(published.jobs.job("nightly"), name="by_hand", schedules=(), run=("dbt build",))
    apply(published, by_hand)
    found = asked("simulate", "by_hand", "--cron", "0 6 * * *", "--days", "3")
    assert found["now"] is None
    assert (found["proposed"]["runs"], found["proposed"]["builds"]) == (3, 6)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("fde",), 5, "fed"),
        (("fed",), 2, "has no schedule of its own"),
        (("fed", "--cron", "61 * * * *"), 2, "field 1 (minute) cannot be '61'"),
        (("fed", "--every", "7h", "--at", "8:00"), 2, "exactly one of cron, every and at"),
        (("fed", "--every", "90s"), 2, "whole minutes"),
        (("fed", "--at", "8am"), 2, "not a local time"),
        (("fed", "--cron", "* * *"), 2, "has 3 fields, not 5"),
        (("fed", "--cron", "0 * 30 2 *"), 2, "never fires"),
        (("fed", "--cron", "0 * * * *", "--timezone", "Europe/Berln"), 2, "did you mean Europe/Berlin?"),
        (("fed", "--cron", "0 * * * *", "--days", "0"), 2, "give 1 to 90"),
        (("fed", "--cron", "0 * * * *", "--days", "91"), 2, "give 1 to 90"),
        (("fed", "--cron", "* * * * *", "--days", "30"), 2, "more than 10,000 times"),
        (("fed", "--cron", "0 * * * *", "--policy", "unchnged=true"), 2, "Did you mean unchanged?"),
        (("fed", "--cron", "0 * * * *", "--policy", "zzz=1"), 2, "Known: unchanged, "),
        (("fed", "--cron", "0 * * * *", "--policy", "unchanged"), 2, "write key=value"),
        (("fed", "--cron", "0 * * * *", "--policy", "silent_after=soon"), 2, "silent_after"),
        (("fed", "--cron", "0 * * * *", "--policy", "volatile=maybe"), 2, "volatile"),
        (("idle", "--cron", "0 * * * *"), 2, "neither commands nor connectors"),
    ],
)
@pytest.mark.usefixtures("published")
def test_what_is_wrong_is_said(headgate: Any, arguments: tuple[str, ...], code: int, told: str) -> None:
    result = headgate("simulate", *arguments)
    assert result.exit_code == code
    assert told in result.stderr.replace("\n", " ")


def test_nothing_is_published(world: Any, headgate: Any) -> None:
    apply(world, FED)
    result = headgate("simulate", "fed", "--cron", "0 * * * *")
    assert result.exit_code == 5
    assert "headgate publish --environment production" in result.stderr
