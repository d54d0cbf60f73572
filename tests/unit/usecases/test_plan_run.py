"""plan_run: what a step becomes, by command, by what ran before, and by what is wrong with the bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.index import Index
from headgate.domain.job import Environment, Job, JobsFile, RetryPolicy, RunnerSize
from headgate.domain.plan import COMMAND, Engine
from headgate.domain.queue import NodeRecord, StepRecord
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause, RunStatus
from headgate.errors import ManifestError, PlanError, UnavailableError
from headgate.usecases.retry_run import retry_run
from tests.builders import make_index, make_node
from tests.whole_runs import build, cancel, dispatch, finalizer, plan, session, start

NO_VARS = "44136fa355b3678a"
A, B, T = "model.shop.a", "model.shop.b", "test.shop.t"


def steps(world: MemoryWorld, *lines: str, job: str = "own", **fields: Any) -> None:
    """A job of these commands beside those that there are, in an environment of one runner."""
    environment = Environment(
        "production", "prod", "analytics", runners=RunnerSize(max=1, cpu=1024, memory=3072)
    )
    others = [found for found in world.jobs.jobs() if found.name != job]
    world.jobs.apply(JobsFile((environment,), (*others, Job(job, "production", lines, **fields)), ()))


def publish(world: MemoryWorld, body: bytes, digest: str = "d" * 64) -> None:
    world.bundles._files[digest, f"{NO_VARS}/index.msgpack"] = body


def play(world: MemoryWorld, run_id: int, step: int = 1, failing: str = "") -> RunStatus:
    """One step from its plan to its end."""
    dispatch(world)
    if plan(world, step, run_id).to_state()["build"]:
        build(session(world, step=step, run_id=run_id), failing=frozenset({failing}))
    finalizer(world)(run_id, step)
    return world.runs.get_run(run_id).status


def test_the_state_says_how_large_a_runner_is_and_what_it_may_grow_to(world: MemoryWorld) -> None:
    steps(world, "dbt build")
    start(world, "own")
    assert plan(world).to_state() == {
        "run_id": 1,
        "step": 1,
        "build": True,
        "runners": [1],
        "cpu": "1024",
        "memory": "3072",
        "memory_steps": ["3072", "6144", "8192"],
        "spot": False,
    }


@pytest.mark.parametrize("line", ["dbt run-operation grant", "dbt docs generate", "dbt deps", "dbt compile"])
def test_another_command_is_one_turn_of_one_runner(world: MemoryWorld, line: str) -> None:
    steps(world, line)
    start(world, "own")
    state = plan(world).to_state()
    assert (state["build"], state["runners"]) == (True, [1])
    assert [node.unique_id for node in world.queue.nodes(1, 1)] == [COMMAND]


def test_a_run_that_has_ended_or_is_being_cancelled_gets_no_turn(world: MemoryWorld) -> None:
    steps(world, "dbt build", "dbt build")
    start(world, "own"), dispatch(world)
    planned = plan(world)
    assert planned.to_state()["build"] is True
    assert world.runs.request_cancel(1, "by ana")
    assert plan(world, 1).to_state()["build"] is False
    assert plan(world, 2).to_state()["build"] is False
    world.runs.move(1, RunStatus.CANCELLED)
    assert plan(world, 1).to_state()["build"] is False
    assert plan(world, 2).to_state() == plan(world, 2).to_state()
    assert world.queue.step(1, 2) is None


def test_a_job_that_left_the_file_meanwhile_is_planned_with_what_goes_without_saying(
    world: MemoryWorld,
) -> None:
    steps(world, "dbt build", retries=RetryPolicy(max=7), node_timeout=60.0)
    start(world, "own")
    world.jobs.apply(JobsFile((world.jobs.environment("production"),), (), ()))
    found = plan(world).plan
    assert (found.retries, {node.timeout_seconds for node in found.nodes}) == (RetryPolicy(), {None})


def test_job_and_environment_bind_the_plan(world: MemoryWorld) -> None:
    steps(world, "dbt build --fail-fast", retries=RetryPolicy(max=7), node_timeout=60.0)
    start(world, "own")
    found = plan(world).plan
    assert (found.retries.max, found.fail_fast) == (7, True)
    assert {node.timeout_seconds for node in found.nodes} == {60.0}


def test_a_node_that_is_built_another_way_than_before_is_predicted_by_its_like(world: MemoryWorld) -> None:
    kinds = [make_node(A, materialized="incremental"), make_node(B, materialized="incremental")]
    publish(world, make_index(*kinds).encode())
    world.history.learn("production", {f"{A} as table": 500.0, f"{B} as incremental": 3.0})
    world.history.learn("production", {f"{A} as incremental in full": 70.0})
    steps(world, "dbt build", "dbt build --full-refresh")
    start(world, "own")
    assert {node.unique_id: node.predicted_seconds for node in plan(world).plan.nodes} == {A: 3.0, B: 3.0}
    assert {node.unique_id: node.predicted_seconds for node in plan(world, 2).plan.nodes} == {
        A: 70.0,
        B: 70.0,
    }


def test_what_a_run_learns_the_next_one_predicts(world: MemoryWorld) -> None:
    steps(world, "dbt build")
    assert play(world, start(world, "own").run_id) is RunStatus.SUCCESS
    start(world, "own", key="2")
    assert {node.predicted_seconds for node in plan(world, 1, 2).plan.nodes} == {0.5}


# What is wrong with the index of a bundle -> what is said about it.
BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "cannot be read"),
    "truncated": (make_index(make_node(A)).encode()[:-5], "cannot be read"),
    "another file": (b"PK\x03\x04 a zip", "cannot be read"),
    "damaged": (make_index(make_node(A)).encode().replace(b"model.shop.a", b"model.shop.z"), "is damaged"),
    "a format to come": (b"\x82\xa6format\x63\xa5index\xc0", "has format 99, this version reads 1"),
    "a format long gone": (b"\x82\xa6format\x00\xa5index\xc0", "has format 0, this version reads 1"),
    "longer than it is": (b"\x82\xa6format\x01\xa5index\xdd\xff\xff\xff\xff", "cannot be read"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_bundle_is_refused_before_anything_starts(world: MemoryWorld, case: str) -> None:
    body, words = BROKEN[case]
    publish(world, body)
    start(world)
    with pytest.raises(
        ManifestError, match=f"^bundle {'d' * 12}: .*{words}.*: publish again|{words}.*publish again"
    ):
        plan(world)
    assert world.queue.step(1, 1) is None


def test_a_bundle_that_is_not_there_says_what_to_do(world: MemoryWorld) -> None:
    world.bundles._files.clear()
    start(world)
    with pytest.raises(
        PlanError, match=f"bundle {'d' * 12} is not there, or not whole: run `headgate publish"
    ):
        plan(world)


def test_vars_that_were_never_parsed_say_what_to_do(world: MemoryWorld) -> None:
    steps(world, """dbt build --vars '{"day": 1}'""")
    start(world, "own")
    with pytest.raises(PlanError, match=r"was not parsed with --vars \{\"day\": 1\}: apply the jobs file"):
        plan(world)


def test_a_project_without_nodes_succeeds_without_a_runner(world: MemoryWorld) -> None:
    publish(world, Index(dbt_version="1.11.16").encode())
    start(world)
    assert play(world, 1) is RunStatus.SUCCESS
    assert world.plans.get_plan(1, 1).runners == 0


def test_clone_copies_from_the_bundle_of_the_environment_it_names(world: MemoryWorld) -> None:
    steps(world, "dbt clone --state staging")
    start(world, "own")
    with pytest.raises(PlanError, match="--state staging: "):
        plan(world)
    world.jobs.point_at("staging", "5" * 64)
    found = plan(world).plan
    assert (found.engine, found.state_bundle) == (Engine.COMMAND, "5" * 64)


def test_defer_refers_to_the_last_success_of_the_environment_it_names_or_of_its_own(
    world: MemoryWorld,
) -> None:
    world.jobs.point_at("staging", "5" * 64)
    world.jobs.record_success("staging", "6" * 64, 3)
    world.jobs.record_success("production", "7" * 64, 4)
    for name, line, bundle in (
        ("one", "dbt build --defer --state staging", "6" * 64),
        ("two", "dbt build --defer", "7" * 64),
        ("three", "dbt build --no-defer", ""),
    ):
        steps(world, line, job=name)
        run = start(world, name)
        assert plan(world, 1, run.run_id).plan.state_bundle == bundle, line


def test_dbt_retry_repeats_the_latest_run_of_the_environment(world: MemoryWorld) -> None:
    steps(world, "dbt build --full-refresh")
    steps(world, "dbt deps", "dbt retry", job="again")
    assert play(world, start(world, "own").run_id, failing="left") is RunStatus.ERROR
    run = start(world, "again")
    play_command(world, run.run_id, step=1)
    found = plan(world, 2, run.run_id).plan
    assert [node.unique_id for node in found.nodes] == ["model.shop.left", "model.shop.joined"]
    assert (found.command.verb, found.command.full_refresh, found.engine) == ("build", True, Engine.SHARED)


def test_dbt_retry_looks_neither_at_runs_that_go_on_nor_at_other_environments(world: MemoryWorld) -> None:
    steps(world, "dbt build")
    steps(world, "dbt retry", job="again")
    play(world, start(world, "own").run_id, failing="joined")
    elsewhere = Job("elsewhere", "staging", ("dbt build",))
    other, _ = world.runs.create_run(elsewhere, "d" * 64, Cause("cli", "x"))
    world.plans.put_plan(replace(world.plans.get_plan(1, 1), run_id=other.run_id))
    world.runs.move(other.run_id, RunStatus.CANCELLED)
    going_on = start(world, "own", key="2").run_id
    dispatch(world), plan(world, 1, going_on)
    run = start(world, "again")
    assert [node.unique_id for node in plan(world, 1, run.run_id).plan.nodes] == ["model.shop.joined"]


def test_only_the_first_step_of_a_retry_looks_back(world: MemoryWorld) -> None:
    steps(world, "dbt build", "dbt build")
    run_id = start(world, "own").run_id
    play(world, run_id), play(world, run_id, step=2, failing="joined")
    again, _ = world.runs.create_run(
        world.jobs.job("own"), "d" * 64, Cause("retry", "x"), retry_of=run_id, first_step=1
    )
    assert len(plan(world, 2, again.run_id).plan.nodes) == 4


def test_dbt_retry_looks_at_the_step_before_it_first(world: MemoryWorld) -> None:
    publish(world, make_index(make_node(A), make_node(B, A)).encode())
    steps(world, "dbt build")
    steps(world, "dbt build", "dbt retry", job="again")
    play(world, start(world, "own").run_id, failing="b")
    repeating = start(world, "again").run_id
    play(world, repeating)
    assert not plan(world, 2, repeating).plan.has_turn


def test_dbt_retry_after_a_good_run_does_nothing(world: MemoryWorld) -> None:
    steps(world, "dbt build")
    steps(world, "dbt retry", job="again")
    play(world, start(world, "own").run_id)
    run = start(world, "again")
    assert play(world, run.run_id) is RunStatus.SUCCESS
    assert world.plans.get_plan(run.run_id, 1).notes == ("nothing failed: there is nothing to repeat",)


def test_dbt_retry_without_anything_before_it_says_so(world: MemoryWorld) -> None:
    steps(world, "dbt retry")
    start(world, "own")
    with pytest.raises(PlanError, match=r"dbt retry: environment production has no earlier run"):
        plan(world)


def play_command(world: MemoryWorld, run_id: int, step: int = 1, status: str = "success") -> None:
    """The one turn of a step that is a whole command."""
    dispatch(world)
    plan(world, step, run_id)
    taken = session(world, step=step, run_id=run_id)
    claim = taken.next()
    entry = {"unique_id": COMMAND, "status": status, "execution_time": 1.0, "message": status}
    taken.finish(claim.unique_id, NodeResult.from_entry(entry, 1))  # type: ignore[union-attr]
    finalizer(world)(run_id, step)


@pytest.mark.parametrize(("status", "builds"), [("error", True), ("success", False)])
def test_dbt_retry_repeats_a_whole_command_if_it_failed(
    world: MemoryWorld, status: str, builds: bool
) -> None:
    steps(world, "dbt run-operation grant")
    steps(world, "dbt retry", job="again")
    run = start(world, "own")
    play_command(world, run.run_id, status=status)
    planned = plan(world, 1, start(world, "again").run_id)
    assert planned.to_state()["build"] is builds
    assert planned.plan.command.words == ["run-operation", "grant"]


def test_a_wider_scope_builds_what_a_failed_test_looked_at(world: MemoryWorld) -> None:
    nodes = [make_node(A), make_node(T, A), make_node(B, A), make_node("model.shop.c")]
    publish(world, make_index(*nodes).encode())
    steps(world, "dbt build", retries=RetryPolicy(scope="model_and_test"))
    assert play(world, start(world, "own").run_id, failing="t") is RunStatus.ERROR
    run = retry_run(
        1, from_start=False, cause=Cause("retry", "x"), runs=world.runs, queue=world.queue, bus=world.bus
    )
    dispatch(world)
    assert [node.unique_id for node in plan(world, 1, run.run_id).plan.nodes] == [A, T, B]


def test_a_run_whose_queue_was_never_written_is_repeated_whole(world: MemoryWorld) -> None:
    steps(world, "dbt build")
    start(world, "own"), dispatch(world)
    plan(world)
    world.queue._steps.clear()
    world.queue._nodes.clear()
    cancel(world)
    finalizer(world)(1, 1, cancelled=True)
    run = retry_run(
        1, from_start=False, cause=Cause("retry", "x"), runs=world.runs, queue=world.queue, bus=world.bus
    )
    dispatch(world)
    assert len(plan(world, 1, run.run_id).plan.nodes) == 4


def test_whoever_plans_after_a_planner_that_died_writes_the_rest_of_the_same_plan(world: MemoryWorld) -> None:
    publish(world, make_index(make_node(A), make_node(B, A)).encode())
    steps(world, "dbt build")
    steps(world, "dbt retry", job="again")
    play(world, start(world, "own").run_id, failing="b")
    good = start(world, "own", "good").run_id
    repeating = start(world, "again").run_id
    dispatch(world)
    write = world.queue.write

    def die(step: StepRecord, nodes: Sequence[NodeRecord]) -> None:
        raise UnavailableError("the table does not answer")

    world.queue.write = die  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        plan(world, run_id=repeating)
    world.queue.write = write  # type: ignore[method-assign]
    # Meanwhile a run ends after which there would be nothing to repeat.
    assert play(world, good) is RunStatus.SUCCESS
    assert [node.unique_id for node in plan(world, run_id=repeating).plan.nodes] == [B]
    assert B in {node.unique_id for node in world.queue.nodes(repeating, 1)}
