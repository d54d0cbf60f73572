"""A job that reuses: the run does what its plan said, the plan says why, and nothing starts without need."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.decision import Reason
from headgate.domain.index import Index, Node
from headgate.domain.job import Deadline, Environment, Job, JobsFile, ReusePolicy, RunnerSize
from headgate.domain.plan_object import plan_object
from headgate.domain.run import Cause, RunStatus
from headgate.domain.sync import Observation, Sync
from headgate.errors import NotFoundError
from headgate.usecases.preview_plan import plan_of_run, preview_plan
from headgate.usecases.retry_run import retry_run
from headgate.usecases.start_job import start_job
from tests.builders import fivetran_gate, make_index, make_node
from tests.whole_runs import build, dispatch, finalizer, plan, session, start

NO_VARS = "44136fa355b3678a"
SOURCE, STG, ORDERS, OTHER = (
    "source.shop.stripe.payments",
    "model.shop.stg",
    "model.shop.orders",
    "model.shop.other",
)
TEST, REPORT = "test.shop.not_null_orders_id", "model.shop.report"
REUSE = ReusePolicy(unchanged=True)


def node(unique_id: str, *parents: str, **fields: Any) -> Node:
    name = unique_id.rpartition(".")[2]
    return make_node(unique_id, *parents, **{"relation_name": f'"db"."analytics"."{name}"', **fields})


INDEX = make_index(
    make_node(SOURCE, connectors=("stripe",)),
    node(STG, SOURCE, materialized="view"),
    node(ORDERS, STG),
    node(OTHER),
    make_node(TEST, ORDERS, severity="error"),
    node(REPORT, ORDERS, OTHER),
)


@pytest.fixture
def shop(world: MemoryWorld) -> MemoryWorld:
    publish(world, INDEX)
    jobs(world, "dbt build")
    sync(world, "s1")
    return world


def publish(world: MemoryWorld, index: Index) -> None:
    world.bundles._files["d" * 64, f"{NO_VARS}/index.msgpack"] = index.encode()


def jobs(world: MemoryWorld, *lines: str, **fields: Any) -> None:
    environment = Environment("production", "prod", "analytics", runners=RunnerSize(max=2))
    job = Job("own", "production", lines, **{"reuse": REUSE, **fields})
    world.jobs.apply(JobsFile((environment,), (job,), ()))


def sync(world: MemoryWorld, sync_id: str) -> None:
    world.freshness.record_sync(Sync("fivetran", "stripe", "stripe", sync_id, world.clock.now()))


def play(world: MemoryWorld, failing: str = "", key: str = "") -> tuple[int, RunStatus]:
    """A whole run: plan, build if there is anything, finalize each step."""
    run = start(world, "own", key or f"k{len(world.runs.list_runs(99))}")
    dispatch(world)
    for step in range(1, len(run.steps) + 1):
        if plan(world, step, run.run_id).to_state()["build"]:
            build(session(world, step=step, run_id=run.run_id, remembers=True), failing=frozenset({failing}))
        finalizer(world)(run.run_id, step)
    world.clock.advance(60)
    return run.run_id, world.runs.get_run(run.run_id).status


def decided(world: MemoryWorld, **chosen: Any) -> dict[str, tuple[str, str]]:
    found = plan_object(preview_plan("own", ports=world, **chosen))
    return {
        node["unique_id"]: (node["action"], node["reason"])
        for step in found["steps"]
        for node in step["nodes"]
    }


def done(world: MemoryWorld, run_id: int, step: int = 1) -> dict[str, str]:
    return {
        result.unique_id: "reuse" if result.status.value == "reused" else "build"
        for result in world.queue.results(run_id, step)
    }


def actions(found: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {unique_id: action for unique_id, (action, _) in found.items()}


def test_the_run_does_what_the_plan_said_when_nothing_changed_between(shop: MemoryWorld) -> None:
    first = decided(shop)
    assert set(first.values()) == {("build", "missing")}
    run_id, status = play(shop)
    assert status is RunStatus.SUCCESS
    assert done(shop, run_id) == actions(first)
    sync(shop, "s2")
    second = decided(shop)
    assert second[ORDERS] == ("build", "new_data")
    assert (second[STG][0], second[OTHER][0], second[REPORT][0]) == ("reuse", "reuse", "build")
    run_id, _ = play(shop)
    assert done(shop, run_id) == actions(second)
    third = decided(shop)
    assert set(third.values()) == {("reuse", "no_new_data")}
    run_id, status = play(shop)
    assert (done(shop, run_id), status) == (actions(third), RunStatus.SUCCESS)


def test_a_run_without_changes_starts_nothing_and_says_why_of_every_node(shop: MemoryWorld) -> None:
    play(shop)
    shop.states.record_look("production", shop.clock.now())
    run_id, status = play(shop)
    assert status is RunStatus.SUCCESS
    state = plan(shop, 1, run_id)
    assert (state.to_state()["build"], state.to_state()["runners"]) == (False, [])
    assert shop.queue.runners(run_id, 1) == []
    results = json.loads(shop.artifacts.get(run_id, 1, "run_results.json"))["results"]
    assert {entry["status"] for entry in results} == {"reused"}
    assert all(entry["message"].startswith("no_new_data") for entry in results)
    assert shop.runs.get_run(run_id).counts == {"reused": 5}


def test_a_warning_that_is_only_repeated_alerts_nobody(shop: MemoryWorld) -> None:
    play(shop)
    last = shop.states.read("production", [TEST])[TEST]
    shop.states.record("production", replace(last, status="warn"))
    run_id, status = play(shop)
    assert status is RunStatus.SUCCESS
    assert {result.unique_id for result in shop.queue.results(run_id, 1) if result.status == "warn"} == {TEST}
    assert shop.alerts.published == []


def test_a_look_is_due_when_nobody_saw_the_relations_for_too_long(shop: MemoryWorld) -> None:
    play(shop)
    shop.states.record_look("production", shop.clock.now())
    assert not preview_plan("own", ports=shop).plans[0].look
    shop.clock.advance(REUSE.look_every + 1)
    sync_again = preview_plan("own", ports=shop).plans[0]
    assert sync_again.has_turn
    jobs(shop, "dbt build --select other", reuse=ReusePolicy(unchanged=True, look_every=0.0))
    (looking,) = preview_plan("own", ports=shop).plans
    assert (looking.look, looking.has_turn, looking.runners) == (True, True, 1)


def test_only_what_is_built_counts_for_runners_and_the_longest_path(shop: MemoryWorld) -> None:
    play(shop)
    shop.states.record_look("production", shop.clock.now())
    (found,) = preview_plan("own", ports=shop).plans
    assert (found.work_seconds, found.critical_path_seconds, found.runners) == (0.0, 0.0, 0)
    whole = plan_object(preview_plan("own", ports=shop))
    assert (whole["counts"], whole["warehouse_seconds"]) == ({"nodes": 5, "build": 0, "reuse": 5}, 0.0)
    assert whole["saved_seconds"] > 0


def test_full_refresh_and_a_repetition_from_the_start_build_everything(shop: MemoryWorld) -> None:
    play(shop)
    jobs(shop, "dbt build --full-refresh")
    assert {reason for _, reason in decided(shop).values()} == {"forced"}
    jobs(shop, "dbt build")
    run = retry_run(
        1, from_start=True, cause=Cause("retry", "r"), runs=shop.runs, queue=shop.queue, bus=shop.bus
    )
    decisions = [one.decision for one in plan(shop, 1, run.run_id).plan.nodes]
    assert {(one.reason, one.fact) for one in decisions} == {
        (Reason.FORCED, "run 1 is repeated from its start")
    }


def test_a_default_that_is_spelled_out_is_no_other_option(shop: MemoryWorld) -> None:
    play(shop)
    jobs(shop, "dbt build --no-empty")
    assert set(actions(decided(shop)).values()) == {"reuse"}
    jobs(shop, "dbt build --empty")
    assert set(actions(decided(shop)).values()) == {"build"}


def test_an_index_that_tells_nothing_of_its_code_is_no_reason_to_reuse(shop: MemoryWorld) -> None:
    play(shop)
    publish(shop, make_index(*INDEX.nodes.values(), schema_version=""))
    assert set(decided(shop).values()) == {("build", "forced")}


@pytest.mark.parametrize("option", ["--warn-error", "--store-failures"])
def test_what_makes_another_end_of_a_warning_runs_the_tests_alone(shop: MemoryWorld, option: str) -> None:
    play(shop)
    jobs(shop, f"dbt build {option}")
    found = actions(decided(shop))
    assert {unique_id for unique_id, action in found.items() if action == "build"} == {TEST}
    play(shop)
    assert set(actions(decided(shop)).values()) == {"reuse"}


def test_a_sample_is_built_each_time_since_its_rows_depend_on_the_moment(shop: MemoryWorld) -> None:
    jobs(shop, "dbt build --sample '3 days'")
    play(shop)
    assert set(decided(shop).values()) == {("build", "forced")}


def test_what_others_saw_of_a_source_while_a_run_was_queued_is_not_known_as_of_now(
    world: MemoryWorld,
) -> None:
    publish(world, make_index(make_node(SOURCE), node(ORDERS, SOURCE)))
    jobs(world, "dbt build")
    run = start(world, "own", "queued")
    world.clock.advance(60)
    loaded = world.clock.now() - 600
    world.freshness.observe("production", [Observation(SOURCE, loaded, world.clock.now())])
    world.clock.advance(3600)
    dispatch(world)
    found = plan(world, 1, run.run_id).plan.nodes[0]
    assert found.terms.unknown == (SOURCE,)


def test_a_run_that_is_to_reuse_nothing_builds_everything(shop: MemoryWorld) -> None:
    play(shop)
    run = start_job(
        shop.jobs.job("own"),
        Cause("cli", "again"),
        jobs=shop.jobs,
        runs=shop.runs,
        bus=shop.bus,
        from_start=True,
    )
    decisions = [one.decision for one in plan(shop, 1, run.run_id).plan.nodes]
    assert {(one.reason, one.fact) for one in decisions} == {(Reason.FORCED, "this run reuses nothing")}


def test_a_retry_builds_what_the_failed_run_left_and_nothing_that_it_reused(shop: MemoryWorld) -> None:
    play(shop)
    sync(shop, "s2")
    run_id, status = play(shop, failing="orders")
    assert status is RunStatus.ERROR
    assert done(shop, run_id)[OTHER] == "reuse"
    run = retry_run(
        run_id, from_start=False, cause=Cause("retry", "r"), runs=shop.runs, queue=shop.queue, bus=shop.bus
    )
    planned = plan(shop, 1, run.run_id).plan.nodes
    assert {one.unique_id for one in planned} == {ORDERS, TEST, REPORT}
    assert {(one.decision.reason, one.decision.fact) for one in planned} == {
        (Reason.FORCED, f"left undone by run {run_id}")
    }


def test_every_plan_says_what_its_builds_will_be_remembered_by(shop: MemoryWorld) -> None:
    jobs(shop, "dbt build", reuse=ReusePolicy())
    (found,) = preview_plan("own", ports=shop).plans
    nodes = {one.unique_id: one for one in found.nodes}
    assert {one.decision.reason for one in found.nodes} == {Reason.SELECTED}
    assert {name: bool(one.relation) for name, one in nodes.items()} == {
        STG: True, ORDERS: True, OTHER: True, TEST: False, REPORT: True,
    }  # fmt: skip
    assert all(one.fingerprint for one in found.nodes)
    assert set(nodes[ORDERS].sees) == {STG, SOURCE}
    assert (nodes[ORDERS].tests, nodes[REPORT].tests) == ((TEST,), ())
    assert found.versions[SOURCE] == "fivetran/stripe@s1"
    assert (found.reuse, found.planned_at) == (False, shop.clock.now())


def test_nobody_begins_before_what_lies_behind_a_reused_parent(shop: MemoryWorld) -> None:
    # `report` reads `orders` through `middle`, which waits for its window; and `orders` itself.
    code = INDEX.nodes[OTHER].code
    middle = node("model.shop.middle", ORDERS, code=type(code)(build_after=86_400.0))
    report = node(REPORT, "model.shop.middle", ORDERS)
    publish(shop, make_index(*(INDEX.nodes[name] for name in (SOURCE, STG, ORDERS)), middle, report))
    play(shop)
    sync(shop, "s2")
    found = decided(shop)
    assert (found["model.shop.middle"], found[ORDERS]) == (("reuse", "inside_window"), ("build", "new_data"))
    (planned,) = preview_plan("own", ports=shop).plans
    nodes = {one.unique_id: one for one in planned.nodes}
    assert planned.waits_of(nodes[REPORT]) == (ORDERS,)


def test_a_later_step_is_planned_as_if_the_one_before_had_succeeded(shop: MemoryWorld) -> None:
    jobs(shop, "dbt build --select stg orders", "dbt build")
    found = preview_plan("own", ports=shop)
    first, second = found.plans
    assert {one.unique_id for one in first.nodes if one.is_built} == {STG, ORDERS, TEST}
    assert {one.unique_id for one in second.nodes if one.is_built} == {OTHER, REPORT}
    run_id, _ = play(shop)
    assert done(shop, run_id, 2) == {
        STG: "reuse", ORDERS: "reuse", TEST: "reuse", OTHER: "build", REPORT: "build",
    }  # fmt: skip


def test_a_selection_that_matches_nothing_succeeds_with_no_node_and_no_container(shop: MemoryWorld) -> None:
    jobs(shop, "dbt build --select tag:nobody")
    found = plan_object(preview_plan("own", ports=shop))
    assert found["counts"]["nodes"] == 0
    assert "'tag:nobody' matches nothing" in found["steps"][0]["notes"][0]
    run_id, status = play(shop)
    assert (status, shop.queue.nodes(run_id, 1)) == (RunStatus.SUCCESS, [])
    assert plan(shop, 1, run_id).to_state()["build"] is False


def test_a_preview_writes_nothing(shop: MemoryWorld) -> None:
    play(shop)
    before = (shop.runs.list_runs(99), dict(shop.states._states), dict(shop.plans._plans))
    decided(shop), decided(shop, select=["orders"], exclude=["report"])
    assert (shop.runs.list_runs(99), dict(shop.states._states), dict(shop.plans._plans)) == before


def test_a_preview_may_select_something_else(shop: MemoryWorld) -> None:
    jobs(shop, "dbt build", "dbt run-operation grant")
    assert decided(shop, select=["orders+"], exclude=["report"]).keys() == {ORDERS, TEST}


def test_a_job_of_connectors_without_commands_is_previewed_for_all_of_them(shop: MemoryWorld) -> None:
    jobs(shop, gates=(fivetran_gate("stripe"),))
    found = plan_object(preview_plan("own", ports=shop))
    assert [step["command"] for step in found["steps"]] == ["dbt build --select connector:stripe+"]
    assert {one["unique_id"] for one in found["steps"][0]["nodes"]} == {STG, ORDERS, TEST, REPORT}


def test_what_freshness_will_see_is_not_known_before(shop: MemoryWorld) -> None:
    jobs(shop, "dbt source freshness", "dbt build")
    assert "source freshness" in plan_object(preview_plan("own", ports=shop))["notes"][0]


def test_the_object_says_when_why_and_whether_the_deadline_holds(shop: MemoryWorld) -> None:
    shop.history.learn("production", {f"{ORDERS} as table": 100.0, f"{REPORT} as table": 30.0})
    jobs(shop, "dbt build", deadline=Deadline("00:02", "UTC"))
    found = plan_object(preview_plan("own", ports=shop))
    (step,) = found["steps"]
    assert step["critical_path"][-2:] == [ORDERS, REPORT] or TEST in step["critical_path"]
    nodes = {one["unique_id"]: one for one in step["nodes"]}
    assert nodes[ORDERS]["critical"]
    assert not nodes[OTHER]["critical"]
    assert nodes[STG]["end"] <= nodes[ORDERS]["start"] < nodes[REPORT]["end"] <= found["end"]
    assert nodes[ORDERS]["seconds"] == 100.0
    assert found["deadline"]["holds"] is False
    assert found["deadline"]["margin_seconds"] < -50
    assert 0 < found["cost"]["low"] < found["cost"]["high"]
    assert json.loads(json.dumps(found)) == found


def test_the_plan_of_a_run_is_its_own_whatever_is_known_since(shop: MemoryWorld) -> None:
    run_id, _ = play(shop)
    found = plan_object(plan_of_run(run_id, ports=shop))
    assert (found["run_id"], found["counts"]) == (run_id, {"nodes": 5, "build": 5, "reuse": 0})
    jobs(shop, "dbt build", "dbt build")
    waiting = start(shop, "own", "w")
    assert plan_object(plan_of_run(waiting.run_id, ports=shop))["notes"] == [
        "2 of 2 steps were never planned"
    ]
    with pytest.raises(NotFoundError):
        plan_of_run(99, ports=shop)
