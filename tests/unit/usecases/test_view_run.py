"""What a reader is told of a run: failures first, what they held back under them, nothing twice."""

from dataclasses import replace

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.command import Command
from headgate.domain.decision import Action, Decision, Reason
from headgate.domain.plan import COMMAND, Engine, Plan, PlannedNode
from headgate.domain.queue import StepRecord, initial_records
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause, RunStatus
from headgate.domain.run_view import NodeView, RunView
from headgate.errors import NotFoundError
from headgate.usecases.view_run import view_run

CAUSE = Cause("fivetran", "stripe/1", "connector stripe, sync 1")


def planned(name: str, *parents: str, kind: str = "model", unit_tests: tuple[str, ...] = ()) -> PlannedNode:
    ids = tuple(f"model.shop.{parent}" for parent in parents)
    return PlannedNode(f"{kind}.shop.{name}", kind, "table", ids, 1.0, 1.0, unit_tests)


NODES = (
    planned("raw"),
    planned("left", "raw"),
    planned("right", "raw", unit_tests=("unit_test.shop.right.adds_up",)),
    planned("joined", "left", "right"),
    planned("report", "joined"),
)


def start(
    world: MemoryWorld,
    *nodes: PlannedNode,
    job: str = "finance",
    engine: Engine = Engine.SHARED,
    reuse: bool = False,
) -> int:
    """A running run whose first step has been planned."""
    run, _ = world.runs.create_run(world.jobs.job(job), "d" * 64, CAUSE)
    world.clock.advance(2)
    world.runs.take_slot(run)
    world.runs.move(run.run_id, RunStatus.RUNNING)
    plan = Plan(
        run.run_id, 1, Command("build"), "d" * 64, "production", nodes, 2, 4, engine=engine, reuse=reuse
    )
    world.plans.put_plan(plan)
    world.queue.write(StepRecord(run.run_id, 1, len(nodes), 2, run.created_at), initial_records(plan))
    return run.run_id


def ended(
    world: MemoryWorld, run_id: int, unique_id: str, status: str, seconds: float = 1.0, message: str = ""
) -> None:
    entry = {"unique_id": unique_id, "status": status, "execution_time": seconds, "message": message}
    world.queue.record(run_id, 1, NodeResult.from_entry(entry, runner=1), "2026-01-01T00:00:03.000+00:00")


def view(world: MemoryWorld, run_id: int) -> RunView:
    return view_run(run_id, runs=world.runs, queue=world.queue, plans=world.plans, clock=world.clock)


def statuses(nodes: tuple[NodeView, ...]) -> list[tuple[str, str]]:
    return [(node.name, node.status) for node in nodes]


def test_failures_come_first_and_skipped_nodes_stand_under_them(world: MemoryWorld) -> None:
    run_id = start(world, *NODES)
    ended(world, run_id, "model.shop.raw", "success", 4.0)
    ended(world, run_id, "model.shop.right", "success", 9.0)
    ended(
        world, run_id, "model.shop.left", "error", message="Database Error in model left\n  no such column\n"
    )
    ended(world, run_id, "model.shop.joined", "skipped", 0.0)
    ended(world, run_id, "model.shop.report", "skipped", 0.0)
    step = view(world, run_id).steps[0]
    assert statuses(step.listed)[:3] == [
        ("left", "error"),
        ("right.adds_up", "waiting"),
        ("right", "success"),
    ]
    assert [node.name for node in step.listed][3:] == ["raw"]
    [failed] = step.failed
    assert failed.held_back == ("model.shop.joined", "model.shop.report")
    assert failed.headline == "Database Error in model left: no such column"


def test_a_skipped_node_stands_under_one_failure_only(world: MemoryWorld) -> None:
    run_id = start(world, *NODES)
    for name, status in (("left", "error"), ("right", "error"), ("joined", "skipped"), ("report", "skipped")):
        ended(world, run_id, f"model.shop.{name}", status)
    held_back = [node.held_back for node in view(world, run_id).steps[0].failed]
    assert sorted(held_back) == [(), ("model.shop.joined", "model.shop.report")]


def test_a_failed_unit_test_holds_back_its_model_and_what_follows(world: MemoryWorld) -> None:
    run_id = start(world, *NODES)
    ended(world, run_id, "unit_test.shop.right.adds_up", "fail")
    for name in ("right", "joined", "report"):
        ended(world, run_id, f"model.shop.{name}", "skipped")
    [failed] = view(world, run_id).steps[0].failed
    assert failed.held_back == ("model.shop.joined", "model.shop.report", "model.shop.right")


def test_without_its_plan_a_step_lists_what_was_skipped(world: MemoryWorld) -> None:
    run_id = start(world, *NODES)
    world.plans._plans.clear()
    ended(world, run_id, "model.shop.raw", "error")
    ended(world, run_id, "model.shop.left", "skipped")
    listed = statuses(view(world, run_id).steps[0].listed)
    assert listed[0] == ("raw", "error")
    assert listed[-1] == ("left", "skipped")


def test_while_it_runs_nodes_have_the_queues_words_and_the_time_so_far(world: MemoryWorld) -> None:
    run_id = start(world, *NODES[:2])
    world.queue.make_ready(run_id, 1, "model.shop.raw")
    at = world.runs.get_run(run_id).started_at
    assert at is not None
    world.queue.claim(run_id, 1, "model.shop.raw", runner=2, epoch=1, at=at)
    world.clock.advance(7)
    found = view(world, run_id)
    running, waiting = found.steps[0].listed
    assert (running.status, running.runner, running.seconds) == ("running", 2, 7.0)
    assert (waiting.status, waiting.seconds) == ("waiting", None)
    assert found.counts == {"running": 1, "waiting": 1}
    assert (found.queued, found.seconds) == (2.0, 7.0)


def test_after_the_end_nothing_is_said_to_run_still(world: MemoryWorld) -> None:
    run_id = start(world, *NODES[:3])
    world.queue.make_ready(run_id, 1, "model.shop.raw")
    world.queue.claim(run_id, 1, "model.shop.raw", runner=1, epoch=1, at="2026-01-01T00:00:02.000+00:00")
    world.clock.advance(5)
    world.runs.move(run_id, RunStatus.ERROR, error="3 nodes were never finished")
    world.clock.advance(3600)
    found = view(world, run_id)
    assert found.counts == {"never finished": 3, "not run": 1}
    assert found.seconds == 5.0
    assert found.error == "3 nodes were never finished"


def test_an_error_that_a_failed_node_tells_is_not_told_twice(world: MemoryWorld) -> None:
    run_id = start(world, *NODES[:1])
    ended(world, run_id, "model.shop.raw", "error", message="out of disk")
    world.runs.move(run_id, RunStatus.ERROR, error="model.shop.raw: out of disk")
    assert view(world, run_id).error is None


def test_the_queues_own_nodes_are_not_listed(world: MemoryWorld) -> None:
    run_id = start(world, *NODES[:1])
    assert [node.unique_id for node in view(world, run_id).steps[0].nodes] == ["model.shop.raw"]


def test_a_step_that_is_one_command_tells_how_that_is_going(world: MemoryWorld) -> None:
    run_id = start(world, engine=Engine.COMMAND)
    (step,) = view(world, run_id).steps
    assert step.nodes == ()
    assert step.turn is not None
    assert step.turn.status == "ready"

    epoch = world.queue.take_lease(run_id, 1, 1, 1e12)
    world.queue.claim(run_id, 1, COMMAND, runner=1, epoch=epoch, at="2026-11-22T20:00:00+00:00")
    entry = {"unique_id": COMMAND, "status": "success", "execution_time": 3.5}
    world.queue.finish(run_id, 1, COMMAND, NodeResult.from_entry(entry, 1), runner=1, epoch=epoch, at="later")
    (step,) = view(world, run_id).steps
    assert step.turn is not None
    assert (step.nodes, step.turn.status, step.turn.seconds) == ((), "success", 3.5)


def test_a_step_that_was_not_reached_has_no_nodes(world: MemoryWorld) -> None:
    run_id = start(world, *NODES[:1], job="two_steps")
    first, second = view(world, run_id).steps
    assert (first.planned, second.planned) == (True, False)
    assert (second.command, second.nodes) == ("dbt build --select left", ())


def test_what_runners_died_of_is_told(world: MemoryWorld) -> None:
    run_id = start(world, *NODES[:1])
    epoch = world.queue.take_lease(run_id, 1, 2, until=0.0)
    world.queue.end_lease(run_id, 1, 2, epoch, "out of memory")
    assert view(world, run_id).steps[0].lost == ("runner 2: out of memory",)


def test_a_run_that_does_not_exist_is_not_found(world: MemoryWorld) -> None:
    with pytest.raises(NotFoundError):
        view(world, 4711)


def test_reused_nodes_come_last_with_the_reason_and_their_unit_tests_are_not_missing(
    world: MemoryWorld,
) -> None:
    reused = Decision(Action.REUSE, Reason.INSIDE_WINDOW, "due at 18:00")
    nodes = [replace(node, decision=reused) if node.unique_id.endswith(".right") else node for node in NODES]
    run_id = start(world, *nodes)
    ended(world, run_id, "model.shop.raw", "success", 3.0)
    ended(world, run_id, "model.shop.left", "error", message="boom")
    ended(world, run_id, "model.shop.joined", "skipped")
    ended(world, run_id, "model.shop.report", "skipped")
    world.runs.move(run_id, RunStatus.ERROR)
    found = view(world, run_id)
    (step,) = found.steps
    assert statuses(step.listed) == [
        ("left", "error"),
        ("raw", "success"),
        ("right", "reused"),
        ("right.adds_up", "reused"),
    ]
    assert [(node.headline, node.seconds, node.runner) for node in step.listed[2:]] == [
        ("inside_window: due at 18:00", None, None),
        ("its model is reused", None, None),
    ]
    assert step.reuses
    assert list(found.counts) == ["error", "success", "skipped", "reused"]


def test_after_the_end_each_node_says_why_it_was_built_and_no_unit_test_is_missing(
    world: MemoryWorld,
) -> None:
    decisions = {
        "model.shop.raw": Decision(Action.BUILD, Reason.CODE, "its code changed"),
        "model.shop.right": Decision(Action.REUSE, Reason.NO_NEW_DATA),
    }
    nodes = [replace(node, decision=decisions[node.unique_id]) for node in (NODES[0], NODES[2])]
    run_id = start(world, *nodes, reuse=True)
    ended(world, run_id, "model.shop.raw", "success", 3.0)
    world.runs.move(run_id, RunStatus.SUCCESS)
    (step,) = view(world, run_id).steps
    assert [(node.name, node.status, node.why) for node in step.listed] == [
        ("raw", "success", "code: its code changed"),
        ("right", "reused", ""),
        ("right.adds_up", "reused", ""),
    ]
