"""Replays of made-up syncs, where the answer is known by hand.

Two connectors. `stripe` lands charges, `ads` lands clicks; orders reads charges, visits reads clicks, and joined reads
both. Each has a test. So a sync of stripe builds orders and joined and runs their tests: four nodes of six.
"""

from dataclasses import replace

import pytest

from headgate.domain.code import Code
from headgate.domain.decision import Reason
from headgate.domain.index import Index, Node
from headgate.domain.job import Environment, Job, ReusePolicy
from headgate.domain.replay import Fire, Replayed, replay, sync_fires
from headgate.domain.replayed_step import Ground
from headgate.domain.schedule import Schedule
from headgate.domain.sync import Sync
from tests.builders import fivetran_gate

HOUR, DAY = 3600.0, 86_400.0
START = 1_767_225_600.0  # 2026-01-01T00:00:00Z
REUSING = ReusePolicy(unchanged=True, look_every=1000 * DAY, silent_after=1000 * DAY)
PATIENT = replace(REUSING, unchanged=False)


def node(name: str, *parents: str, kind: str = "model", **fields: object) -> Node:
    values: dict[str, object] = {
        "unique_id": f"{kind}.shop.{name}",
        "name": name.rpartition(".")[2],
        "resource_type": kind,
        "package_name": "shop",
        "fqn": ("shop", name),
        "original_file_path": f"models/{name}.sql",
        "materialized": "table" if kind == "model" else kind,
        "depends_on": parents,
        "relation_name": f"prod.analytics.{name}" if kind == "model" else None,
        "database": "prod",
        "schema": "analytics",
    }
    return Node(**(values | fields))  # type: ignore[arg-type]


def unique(model: str) -> Node:
    parent = f"model.shop.{model}"
    return node(f"unique_{model}", parent, kind="test", severity="error", test_name="unique", tested=parent)


def index(window: float | None = None) -> Index:
    nodes = (
        node("stripe.charges", kind="source", schema="stripe", source_name="stripe"),
        node("ads.clicks", kind="source", schema="ads", source_name="ads"),
        node("orders", "source.shop.stripe.charges", code=code(window)),
        node("visits", "source.shop.ads.clicks", code=code(window)),
        node("joined", "model.shop.orders", "model.shop.visits", code=code(None)),
        *map(unique, ("orders", "visits", "joined")),
    )
    return Index(
        dbt_version="1.11.16",
        schema_version="v12",
        project_name="shop",
        nodes={one.unique_id: one for one in nodes},
    )


def code(window: float | None) -> Code:
    return Code(text="select 1") if window is None else Code(text="select 1", build_after=window)


def sync(connector: str, number: int, at: float) -> Sync:
    return Sync("fivetran", f"{connector}_id", connector, str(number), START + at)


# Both have synced before it begins; then stripe every six hours, ads once.
BEFORE = (sync("stripe", 0, -HOUR), sync("ads", 0, -HOUR))
STRIPE = tuple(sync("stripe", number, number * 6 * HOUR - 600) for number in range(1, 5))
SYNCS = (*BEFORE, *sorted((*STRIPE, sync("ads", 1, 9 * HOUR)), key=lambda one: one.at))
JOB = Job("shop", "production", ("dbt build",), reuse=REUSING)


def ground(*syncs: Sync, job: Job = JOB, window: float | None = None) -> Ground:
    seconds = {f"model.shop.{name}": 10.0 for name in ("orders", "visits", "joined")}
    seconds |= {f"test.shop.unique_{name}": 2.0 for name in ("orders", "visits", "joined")}
    return Ground(
        job=job,
        environment=Environment("production", "prod", "analytics"),
        indexes={"44136fa355b3678a": index(window)},
        predictions=seconds,
        syncs=syncs,
        start=START,
    )


def every(hours: int, job: Job = JOB, days: int = 1) -> list[Fire]:
    return [Fire(START + at * HOUR, job.run) for at in range(hours, 24 * days + 1, hours)]


def counts(found: Replayed) -> tuple[int, int, int, int]:
    return found.runs, found.idle, found.builds, found.reuses


def test_each_sync_is_built_once_however_often_one_looks() -> None:
    found = replay(ground(*SYNCS), REUSING, every(1))
    # Four runs after stripe's syncs build 4 of 6 nodes; one after ads' builds visits, joined and their tests.
    assert counts(found) == (24, 19, 5 * 4, 24 * 6 - 5 * 4)
    assert found.spent.warehouse_seconds == pytest.approx(5 * (10 + 2 + 10 + 2))
    assert found.reasons == {Reason.NEW_DATA: 20}


def test_a_slower_schedule_builds_syncs_together_and_lets_data_wait() -> None:
    hourly, slow = replay(ground(*SYNCS), REUSING, every(1)), replay(ground(*SYNCS), REUSING, every(12))
    # At noon both connectors are new: all six. At midnight stripe alone: four.
    assert counts(slow) == (2, 0, 6 + 4, 2)
    assert slow.spent.warehouse_seconds < hourly.spent.warehouse_seconds
    assert slow.spent.dollars.high < hourly.spent.dollars.high
    assert hourly.waits == pytest.approx((4 * 600 + 0) / 5)
    assert slow.waits == pytest.approx((6 * HOUR + 600 + 3 * HOUR + 600 + 6 * HOUR + 600 + 600) / 5)


def test_hourly_against_three_hourly() -> None:
    hourly, slow = replay(ground(*SYNCS), REUSING, every(1)), replay(ground(*SYNCS), REUSING, every(3))
    assert (hourly.builds, slow.builds) == (20, 20), "no two syncs fall between two of its runs"
    assert (hourly.runs, slow.runs) == (24, 8)
    without = [replay(ground(*SYNCS), PATIENT, every(hours)) for hours in (1, 3)]
    assert [counts(one) for one in without] == [(24, 0, 144, 0), (8, 0, 48, 0)]


def test_without_reuse_every_run_builds_everything() -> None:
    found = replay(ground(*SYNCS), PATIENT, every(1))
    assert found.reasons == {Reason.SELECTED: 144}
    assert found.spent.warehouse_seconds == pytest.approx(24 * 36)
    reused = replay(ground(*SYNCS), REUSING, every(1))
    assert found.spent.dollars.low > reused.spent.dollars.low > 0, "a run without a build costs something"
    assert found.spent.runner_seconds > 4 * reused.spent.runner_seconds


def test_without_a_sync_everything_is_unknown_and_built() -> None:
    found = replay(ground(), REUSING, every(6))
    assert counts(found) == (4, 0, 24, 0)
    # orders and visits read what is unknown; joined reads what is built.
    assert found.reasons[Reason.UNKNOWN_SOURCE] >= 8
    assert found.waits is None


def test_a_connector_that_falls_silent_is_no_information_any_more() -> None:
    talkative = replace(REUSING, silent_after=7 * HOUR)
    found = replay(ground(*SYNCS), talkative, every(1))
    assert found.builds > 20
    assert found.reasons[Reason.UNKNOWN_SOURCE] > 0


def test_nothing_new_builds_nothing_for_days() -> None:
    found = replay(ground(*BEFORE), REUSING, every(1, days=20))
    assert counts(found) == (480, 480, 0, 480 * 6)
    assert (found.spent.warehouse_seconds, found.spent.runner_seconds) == (0.0, 0.0)
    looking = replay(ground(*BEFORE), replace(REUSING, look_every=DAY), every(1, days=20))
    assert looking.idle == 480
    assert looking.spent.runner_seconds > 0, "somebody looks whether the relations are there, once a day"


def test_a_job_of_connectors_runs_at_their_syncs() -> None:
    job = replace(JOB, run=(), gates=(fivetran_gate("stripe"),), schedules=(Schedule("0 6 * * *"),))
    fires = list(sync_fires(job, SYNCS, START))
    step = ("dbt build --select connector:stripe+ connector:stripe_id+",)
    assert fires == [Fire(one.at, step) for one in STRIPE]
    found = replay(ground(*SYNCS, job=job), REUSING, fires)
    # Downstream of stripe: orders, joined and their tests. joined reads visits as well, which this job does not build.
    assert counts(found) == (4, 0, 16, 0)
    assert found.notes == ("model.shop.visits: built by other jobs, here as left at the beginning",)
    with_commands = replace(job, run=("dbt build",))
    assert next(iter(sync_fires(with_commands, SYNCS, START))).steps == ("dbt build",)


def test_what_cannot_be_replayed_is_said() -> None:
    job = replace(JOB, run=("dbt source freshness", "dbt build"))
    found = replay(ground(*SYNCS, job=job), REUSING, every(6, job))
    assert [note.partition(" is left out")[0] for note in found.notes] == ["dbt source freshness"]
    assert found.builds == replay(ground(*SYNCS), REUSING, every(6)).builds


def test_what_one_step_builds_is_new_to_the_next_and_built_once() -> None:
    job = replace(JOB, run=("dbt build --select orders", "dbt build --select joined"))
    found = replay(ground(*SYNCS, job=job), REUSING, every(6, job))
    assert counts(found) == (4, 0, 16, 0)


def test_a_window_holds_new_data_back_until_it_is_due() -> None:
    job = replace(JOB, run=("dbt build --select orders", "dbt build --select joined"))
    found = replay(ground(*BEFORE, *STRIPE, job=job, window=10 * HOUR), REUSING, every(1, job))
    # Nobody builds visits here, so joined has new data by orders alone. Built at
    # 0:00; new data at 5:50 is due ten hours after the end of that build, at 10:00; what came at 11:50 and 17:50 is due
    # after 20:00, at 21:00. The second step has nothing new in between, and then what the first one built.
    assert counts(found) == (24, 22, 2 * 4, 24 * 4 - 2 * 4)
