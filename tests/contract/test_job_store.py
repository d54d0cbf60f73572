"""JobStore: a file is applied whole, touches nothing of other files, and says who is in its way."""

from dataclasses import replace
from typing import Any

import pytest

from headgate.domain.job import AlertRule, Environment, Job, JobsFile, RunnerSize
from headgate.domain.schedule import Schedule
from headgate.errors import ConflictError, InputError, NotFoundError
from tests.builders import fivetran_gate
from tests.contract.conftest import MotoStage

PRODUCTION = Environment(
    "production",
    target="prod",
    schema="analytics",
    threads=8,
    runners=RunnerSize(max=4, cpu=2048, memory=8192, spot=True),
    secrets={"DBT_ENV_SECRET_PASSWORD": "warehouse/prod#password"},
)
FINANCE = Job(
    "finance",
    "production",
    ("dbt build --select tag:finance+", "dbt build --vars '{\"day\": 1}'"),
    owner="finance-data@example.com",
    description="Zahlen, täglich",
    gates=(fivetran_gate("salesforce", "stripe"),),
    schedules=(Schedule("0 6 * * 1-5", "Europe/Berlin"),),
)
PLAIN = Job("plain", "production", ("dbt build",))
RULE = AlertRule({"tag": "finance", "severity": "error"}, (("slack", "#finance-data"), ("slack", "#all")))
FILE = JobsFile((PRODUCTION,), (FINANCE, PLAIN), (RULE,), origin="headgate.yml")
OTHER = JobsFile((Environment("ci", "ci", "ci"),), (Job("checks", "ci", ()),), (), origin="ci/headgate.yml")


def stored(world: Any) -> tuple[Any, ...]:
    return (world.jobs.jobs(), world.jobs.environment("production"), world.jobs.alert_rules())


def test_what_was_applied_comes_back_exactly(world: Any) -> None:
    world.jobs.apply(FILE)
    assert world.jobs.jobs() == [FINANCE, PLAIN]
    assert world.jobs.job("finance") == FINANCE
    assert world.jobs.environment("production") == PRODUCTION
    assert world.jobs.alert_rules() == [RULE]


def test_applying_again_changes_only_what_the_file_changed(world: Any) -> None:
    world.jobs.apply(FILE)
    world.jobs.apply(FILE)
    louder = replace(FINANCE, owner="somebody@example.com")
    world.jobs.apply(replace(FILE, jobs=(louder, Job("new", "production", ())), alerts=()))
    assert world.jobs.jobs() == [louder, Job("new", "production", ())]
    assert world.jobs.alert_rules() == []
    with pytest.raises(NotFoundError):
        world.jobs.job("plain")


def test_an_environment_that_left_the_file_is_gone_but_its_bundle_is_remembered(world: Any) -> None:
    world.jobs.apply(FILE)
    world.jobs.point_at("production", "d" * 64)
    world.jobs.apply(replace(FILE, environments=(), jobs=(), alerts=()))
    with pytest.raises(NotFoundError, match="production"):
        world.jobs.environment("production")
    assert world.jobs.bundle_of("production") == "d" * 64


def test_files_do_not_touch_each_other(world: Any) -> None:
    world.jobs.apply(FILE)
    world.jobs.apply(OTHER)
    world.jobs.apply(replace(FILE, jobs=()))
    assert [job.name for job in world.jobs.jobs()] == ["checks"]
    world.jobs.apply(replace(OTHER, environments=(), jobs=()))
    assert world.jobs.environment("production") == PRODUCTION
    assert world.jobs.alert_rules() == [RULE]


@pytest.mark.parametrize(
    ("mine", "name"),
    [
        (replace(OTHER, jobs=(Job("new", "ci", ()), Job("finance", "ci", ()))), "job 'finance'"),
        (replace(OTHER, environments=(PRODUCTION,)), "environment 'production'"),
    ],
)
def test_a_name_of_another_file_is_refused_with_that_file_and_nothing_is_written(
    world: Any, mine: JobsFile, name: str
) -> None:
    world.jobs.apply(FILE)
    before = stored(world)
    with pytest.raises(ConflictError, match=f"{name} belongs to headgate.yml"):
        world.jobs.apply(mine)
    assert stored(world) == before


def test_an_unknown_job_is_answered_with_the_nearest_name(world: Any) -> None:
    world.jobs.apply(FILE)
    with pytest.raises(NotFoundError, match="did you mean finance"):
        world.jobs.job("finnance")
    with pytest.raises(NotFoundError, match=r"no job named 'zzz'$"):
        world.jobs.job("zzz")


def test_an_environment_points_at_its_latest_bundle(world: Any) -> None:
    with pytest.raises(NotFoundError, match="production"):
        world.jobs.bundle_of("production")
    world.jobs.point_at("production", "a" * 64)
    world.jobs.point_at("production", "b" * 64)
    world.jobs.point_at("ci", "c" * 64)
    assert world.jobs.bundle_of("production") == "b" * 64


def test_a_file_of_99_is_applied_at_once_and_a_larger_change_is_refused_whole(moto: MotoStage) -> None:
    jobs = moto.world.jobs
    many = tuple(Job(f"job-{n:03d}", "production", ("dbt build",)) for n in range(99))
    jobs.apply(JobsFile((), many, ()))
    assert len(jobs.jobs()) == 99
    with pytest.raises(InputError, match="100 jobs and environments"):
        jobs.apply(JobsFile((), tuple(replace(job, owner="x@example.com") for job in (*many, PLAIN)), ()))
    assert not any(job.owner for job in jobs.jobs())
    jobs.apply(JobsFile((), (*many, PLAIN), ()))
    assert len(jobs.jobs()) == 100


def test_two_applies_of_one_file_cannot_mix(moto: MotoStage, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = moto.world.jobs
    jobs.apply(FILE)
    transact = jobs._table.transact

    def transact_after_another(actions: Any) -> None:
        monkeypatch.setattr(jobs._table, "transact", transact)
        jobs.apply(replace(FILE, jobs=(PLAIN, Job("theirs", "production", ()))))
        transact(actions)

    monkeypatch.setattr(jobs._table, "transact", transact_after_another)
    with pytest.raises(ConflictError, match="is being applied"):
        jobs.apply(replace(FILE, jobs=(FINANCE,)))
    assert [job.name for job in jobs.jobs()] == ["plain", "theirs"]
