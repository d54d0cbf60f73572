"""JobStore: a file is applied whole, touches nothing of other files, and says who is in its way."""

from dataclasses import MISSING, fields, replace
from typing import Any

import pytest

from headgate.adapters.aws.dynamodb_job_store import DynamoDBJobStore
from headgate.domain.applied import Applied
from headgate.domain.declared_var import DeclaredVar
from headgate.domain.error_class import ErrorClass
from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import (
    AlertRule,
    Deadline,
    Environment,
    Job,
    JobsFile,
    RetryPolicy,
    ReusePolicy,
    RunnerSize,
)
from headgate.domain.receiver import Receiver
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
FULL = JobsFile(
    environments=(
        Environment(
            "full", "prod", "lake", 9, RunnerSize(2, 512, 2048, True), {"DBT_ENV_SECRET_A": "warehouse/a#b"}, 3,
            {"wh": 2}, (ErrorClass("busy", ("too busy",)),), 4, {"DBT_B": "c"}, "shop", {"DBT_D": "e"},
            {"DBT_ENV_SECRET_F": "warehouse/g#h"},
        ),
    ),
    jobs=(
        Job(
            "full", "full", ("dbt build",), "ana", "Alles, täglich",
            (
                Gate("gate", (Awaited("s3", "landing", {"key": ("erp/*", "x")}),), 2, 7200.0, 300.0, "07:00",
                     "Europe/Berlin"),
            ),
            (Schedule("0 6 L * *", "Europe/Berlin", 7200.0, "wall_clock", ("08:00",), ("MON",), "skip", "all"),),
            RetryPolicy(5, ("all",), True, "model_and_test"), 60.0, ReusePolicy(True), Deadline("08:00", "Asia/Tokyo"),
            "skip", 3, -5, 7, True, {"DBT_I": "j"}, {"DBT_ENV_SECRET_K": "warehouse/l#m"},
            (DeclaredVar("region", "text", ("eu", "us")),),
        ),
    ),
    alerts=(RULE,),
    origin="full.yml",
    project="shop",
    receivers=(
        Receiver("full", "hmac", "X-S", "sha512", "base64", "v1=", "X-T", 60.0, "{timestamp}.{body}", "$.id", "$.s",
                 "$.status", ("ok",)),
    ),
    max_parallel_runs=20,
    dbt_project="shop",
)  # fmt: skip


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


def test_five_hundred_jobs_change_at_once(world: Any) -> None:
    many = tuple(replace(FINANCE, name=f"job-{n:03d}") for n in range(500))
    world.jobs.apply(JobsFile((), many, ()))
    assert world.jobs.jobs() == list(many)
    changed = tuple(replace(job, owner="x@example.com") for job in many[1:])
    world.jobs.apply(JobsFile((), changed, ()))
    assert world.jobs.jobs() == list(changed)
    assert world.jobs.job("job-499").owner == "x@example.com"


def test_more_environments_than_a_transaction_holds_are_refused_whole(moto: MotoStage) -> None:
    jobs = moto.world.jobs
    many = tuple(replace(PRODUCTION, name=f"customer-{n:03d}") for n in range(100))
    jobs.apply(JobsFile(many[1:], (), ()))
    with pytest.raises(InputError, match="100 environments and receivers"):
        jobs.apply(JobsFile(tuple(replace(one, schema="x") for one in many), (PLAIN,), ()))
    assert jobs.jobs() == []
    assert jobs.environment("customer-099") == many[-1]
    jobs.apply(JobsFile(many, (), ()))
    assert jobs.environment("customer-000") == many[0]


def test_jobs_that_one_record_cannot_hold_are_refused_whole(
    moto: MotoStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    moto.world.jobs.apply(FILE)
    monkeypatch.setattr("headgate.adapters.aws.applied_files._LARGEST", 100)
    with pytest.raises(InputError, match="stack of their own"):
        moto.world.jobs.apply(replace(FILE, jobs=()))
    assert moto.world.jobs.jobs() == [FINANCE, PLAIN]


def test_every_field_comes_back(world: Any) -> None:
    world.jobs.apply(FULL)
    assert world.jobs.applied() == [Applied(FULL, world.jobs.applied()[0].number)]
    assert world.jobs.job("full") == FULL.jobs[0]
    assert world.jobs.environment("full") == FULL.environments[0]
    assert world.jobs.receiver("full") == FULL.receivers[0]
    assert world.jobs.receivers() == [*FULL.receivers]


@pytest.mark.parametrize(
    "record",
    [*FULL.jobs, *FULL.environments, *FULL.receivers, *FULL.jobs[0].gates, *FULL.jobs[0].schedules, FULL],
)
def test_the_full_records_leave_nothing_at_its_default(record: Any) -> None:
    """So that a field that is added is added here too, and has to come back."""
    at_default = [
        found.name
        for found in fields(record)
        if getattr(record, found.name)
        == (found.default_factory() if found.default_factory is not MISSING else found.default)
    ]
    assert at_default == []


def test_receivers_belong_to_their_file(world: Any) -> None:
    world.jobs.apply(replace(FILE, receivers=(Receiver("erp"),)))
    with pytest.raises(ConflictError, match=r"receiver 'erp' belongs to headgate\.yml"):
        world.jobs.apply(replace(OTHER, receivers=(Receiver("erp", auth="standard"),)))
    assert world.jobs.receiver("erp") == Receiver("erp")
    world.jobs.apply(FILE)
    assert world.jobs.receivers() == []
    with pytest.raises(NotFoundError, match="erp"):
        world.jobs.receiver("erp")


@pytest.mark.parametrize(
    ("limits", "lowest"), [((None, None), None), ((20, None), 20), ((20, 5), 5), ((5, 20), 5)]
)
def test_of_several_limits_the_lowest_holds(world: Any, limits: tuple[Any, Any], lowest: int | None) -> None:
    assert world.jobs.max_parallel_runs() is None
    world.jobs.apply(replace(FILE, max_parallel_runs=limits[0]))
    world.jobs.apply(replace(OTHER, max_parallel_runs=limits[1]))
    assert world.jobs.max_parallel_runs() == lowest


def test_an_apply_whose_origin_moved_on_is_refused(world: Any) -> None:
    first = world.jobs.apply(FILE, after={FILE.origin: 0})
    world.jobs.apply(OTHER)
    second = world.jobs.apply(replace(FILE, alerts=()), after={FILE.origin: first})
    assert second > first
    for stale in (first, 0):
        with pytest.raises(ConflictError, match="somebody else"):
            world.jobs.apply(FILE, after={FILE.origin: stale})
    assert world.jobs.alert_rules() == []


def test_an_apply_is_pending_until_its_schedules_are_settled(world: Any) -> None:
    first = world.jobs.apply(FILE, pending=True)
    world.jobs.apply(OTHER, pending=True)
    assert pending(world) == {"headgate.yml", "ci/headgate.yml"}
    world.jobs.settle(FILE.origin, first)
    assert pending(world) == {"ci/headgate.yml"}
    second = world.jobs.apply(FILE, pending=True)
    world.jobs.settle(FILE.origin, first)
    assert pending(world) == {"headgate.yml", "ci/headgate.yml"}, (
        "an earlier apply settles nothing of a later one"
    )
    world.jobs.settle(FILE.origin, second)
    world.jobs.apply(OTHER)
    assert pending(world) == set()


def pending(world: Any) -> set[str]:
    return {found.file.origin for found in world.jobs.applied() if found.pending}


def test_one_file_takes_over_what_another_managed(world: Any) -> None:
    world.jobs.apply(FILE)
    mine = replace(FILE, origin="shop", alerts=())
    world.jobs.apply(mine, JobsFile((), (), (), FILE.origin))
    assert [(found.file.origin, found.file.jobs) for found in world.jobs.applied()] == [
        ("headgate.yml", ()),
        ("shop", (FINANCE, PLAIN)),
    ]
    assert world.jobs.environment("production") == PRODUCTION
    assert world.jobs.alert_rules() == []


def test_applies_of_two_files_at_once_both_happen(moto: MotoStage, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = moto.world.jobs
    transact = jobs._table.transact

    def transact_after_another(actions: Any) -> None:
        monkeypatch.setattr(jobs._table, "transact", transact)
        number = jobs.apply(OTHER, pending=True)
        jobs.settle(OTHER.origin, number)
        transact(actions)

    monkeypatch.setattr(jobs._table, "transact", transact_after_another)
    jobs.apply(FILE, pending=True)
    assert [job.name for job in jobs.jobs()] == ["checks", "finance", "plain"]
    assert pending(moto.world) == {FILE.origin}


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


def test_a_process_that_has_read_jobs_before_reads_those_of_now(moto: MotoStage) -> None:
    warm, other = moto.world.jobs, DynamoDBJobStore(moto.world.runs._table._client, moto.world.settings.table)
    for jobs in ((PLAIN,), (FINANCE, PLAIN), (replace(PLAIN, paused=True),)):
        other.apply(replace(FILE, jobs=jobs))
        assert warm.jobs() == list(jobs)
        assert warm.job("plain") == jobs[-1]


def test_an_apply_that_has_the_number_of_an_earlier_one_is_not_taken_for_it(moto: MotoStage) -> None:
    """As after the record was restored, or deleted, and something else applied."""
    jobs = moto.world.jobs
    first = jobs.apply(FILE)
    assert [job.name for job in jobs.jobs()] == ["finance", "plain"]
    jobs._table.delete("applied", "files")
    assert jobs.apply(replace(FILE, jobs=(PLAIN,))) == first
    assert [job.name for job in jobs.jobs()] == ["plain"]
