"""cancel_run and what finalize_run makes of it: runs that wait, start, build, are over, or are stopped in AWS."""

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.queue import NodeState
from headgate.domain.run import Run, RunStatus
from headgate.errors import ConflictError, NotFoundError
from headgate.usecases.cancel_run import carry_out_cancel
from headgate.usecases.run_nodes import Over
from tests.whole_runs import announced, build, cancel, dispatch, finalizer, plan, session, start


def test_a_run_that_waits_is_over_at_once(world: MemoryWorld) -> None:
    start(world)
    assert cancel(world, reason="by ana (wrong day)").status is RunStatus.CANCELLED
    assert world.runs.get_run(1).error == "cancelled by ana (wrong day): nothing had begun"
    assert announced(world) == ["cancelled"]
    assert dispatch(world) == []
    assert world.machine.started == {}


def test_a_run_that_builds_is_halted_first_and_then_stopped(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    seen: list[str | None] = []
    stop = world.machine.stop

    def look(run: Run, reason: str) -> bool:
        record = world.queue.step(1, 1)
        seen.append(record.halted if record else None)
        return stop(run, reason)

    world.machine.stop = look  # type: ignore[method-assign]
    run = cancel(world)
    assert seen == ["cancelled by ana"]
    assert (run.status, run.cancel) == (RunStatus.STARTING, "by ana")
    assert list(world.machine.stopped.values()) == ["cancelled by ana"]
    assert isinstance(session(world).next(), Over)


def test_what_was_stopped_is_told(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    building = session(world)
    build(building, 2)
    names = sorted(building.next().unique_id for _ in range(2))  # type: ignore[union-attr]
    assert names == ["model.shop.left", "model.shop.right"]
    cancel(world)
    building.hand_back()
    building.end("stopped by SIGTERM")
    assert finalizer(world)(1, 1, "Cancelled: cancelled by ana", cancelled=True).status is RunStatus.CANCELLED
    ended = world.runs.get_run(1)
    assert ended.error == "cancelled by ana: 2 nodes stopped (left, right), 1 never started"
    assert ended.counts == {"success": 1}
    assert announced(world) == ["cancelled"]
    assert world.alerts.published == []


def test_a_step_that_is_left_in_order_ends_as_cancelled_too(world: MemoryWorld) -> None:
    """The runners saw the halt before the execution was stopped: its own FinalizeRun comes first."""
    start(world, "two_steps"), dispatch(world), plan(world)
    build(session(world), 1)
    cancel(world)
    assert finalizer(world)(1, 1).next_step is None
    assert world.runs.get_run(1).error == "cancelled by ana: 1 node never started, step 2 never began"


def test_a_cancel_between_two_steps_keeps_the_second_from_beginning(world: MemoryWorld) -> None:
    start(world, "two_steps"), dispatch(world), plan(world)
    build(session(world), 3)
    cancel(world)
    assert finalizer(world)(1, 1).status is RunStatus.CANCELLED
    assert world.runs.get_run(1).error == "cancelled by ana: step 2 never began"


def test_a_run_that_is_stopped_in_aws_says_so_with_the_reason_given_there(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    build(session(world), 1)
    finalizer(world)(1, 1, "the table is locked", cancelled=True, last=True)
    run = world.runs.get_run(1)
    assert run.status is RunStatus.CANCELLED
    assert run.error == "cancelled in AWS (the table is locked): 4 nodes never started"


def test_a_run_that_is_stopped_in_aws_waits_for_its_runners_to_leave(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    building = session(world)
    build(building, 1)
    held = building.next().unique_id  # type: ignore[union-attr]
    sleep, halted = world.clock.sleep, []

    def leave(seconds: float) -> None:
        sleep(seconds)
        record = world.queue.step(1, 1)
        halted.append(record.halted if record else None)
        building.hand_back()
        building.end("stopped by SIGTERM")

    world.clock.sleep = leave  # type: ignore[method-assign]
    finalizer(world)(1, 1, cancelled=True, last=True)
    assert halted == ["cancelled in AWS"]
    states = {node.unique_id: node.state for node in world.queue.nodes(1, 1)}
    assert states[held] is NodeState.READY
    assert world.runs.get_run(1).error == "cancelled in AWS: 1 node stopped (raw), 3 never started"


def test_the_places_of_a_run_out_of_time_are_free_once_its_runners_have_left(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    building = session(world)
    build(building, 1)
    place = f"1#1#1#1#{building.next().unique_id}"  # type: ignore[union-attr]
    world.slots.take("production", "warehouse", place, 1)
    sleep, held = world.clock.sleep, []

    def leave(seconds: float) -> None:
        sleep(seconds)
        record = world.queue.step(1, 1)
        held.append((record.halted if record else None, world.slots.holders("production", "warehouse")))
        building.hand_back()
        building.end("stopped by SIGTERM")

    world.clock.sleep = leave  # type: ignore[method-assign]
    finalizer(world).after_execution(1, "TIMED_OUT", "")
    assert held == [("the execution ended as TIMED_OUT", [place])]
    assert world.runs.get_run(1).error == "the execution ended as TIMED_OUT"
    assert world.slots.holders("production", "warehouse") == []


def test_an_execution_that_fails_after_everything_was_built_halts_nothing(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    building = session(world)
    build(building)
    building.end()
    finalizer(world).after_execution(1, "FAILED", "")
    record = world.queue.step(1, 1)
    assert record is not None
    assert record.halted is None


def test_a_cancel_whose_asker_died_is_heard_between_two_steps(world: MemoryWorld) -> None:
    start(world, "two_steps"), dispatch(world), plan(world)
    build(session(world))
    world.runs.request_cancel(1, "by ana")
    assert finalizer(world)(1, 1).next_step is None
    assert world.runs.get_run(1).error == "cancelled by ana: step 2 never began"


def test_a_runner_that_never_leaves_is_not_waited_for_for_ever(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    session(world)
    begun = world.clock.now()
    finalizer(world)(1, 1, cancelled=True, last=True)
    assert world.runs.get_run(1).status is RunStatus.CANCELLED
    assert world.clock.now() - begun <= 21


def test_the_places_of_a_cancelled_run_are_free(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    assert world.slots.take("production", "warehouse", "1#1#1#1#model.shop.raw", 1)
    assert not world.slots.take("production", "warehouse", "2#1#1#1#model.shop.raw", 1)
    finalizer(world)(1, 1, cancelled=True)
    assert world.slots.take("production", "warehouse", "2#1#1#1#model.shop.raw", 1)


def test_cancelling_twice_is_cancelling_once(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    cancel(world)
    assert cancel(world, reason="by ben").cancel == "by ana"
    assert list(world.machine.stopped.values()) == ["cancelled by ana"]
    finalizer(world)(1, 1, cancelled=True)
    with pytest.raises(ConflictError, match="run 1 is over: it ended as cancelled"):
        cancel(world)


def test_what_is_over_cannot_be_cancelled(world: MemoryWorld) -> None:
    start(world), dispatch(world)
    world.runs.move(1, RunStatus.SUCCESS)
    with pytest.raises(ConflictError, match="it ended as success"):
        cancel(world)
    assert world.machine.stopped == {}
    with pytest.raises(NotFoundError):
        cancel(world, 9)


def test_a_run_whose_execution_never_started_is_ended_here(world: MemoryWorld) -> None:
    run = start(world)
    world.runs.take_slot(run)  # and whoever took it died
    assert cancel(world).status is RunStatus.CANCELLED
    assert announced(world) == ["cancelled"]
    assert dispatch(world) == []
    assert dispatch(world) == []
    following = start(world, key="next")
    assert dispatch(world) == [following.run_id]


def test_a_cancel_that_died_half_way_is_carried_out_by_whoever_comes_next(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    world.runs.request_cancel(1, "by ana")
    ports = {"runs": world.runs, "machine": world.machine, "queue": world.queue, "bus": world.bus}
    carry_out_cancel(world.runs.get_run(1), **ports)  # type: ignore[arg-type]
    assert list(world.machine.stopped.values()) == ["cancelled by ana"]
    assert dispatch(world) == []


def test_a_run_that_failed_while_it_was_being_cancelled_is_cancelled(world: MemoryWorld) -> None:
    start(world), dispatch(world)
    cancel(world)
    finalizer(world)(1, 1, "PlanError: nothing is published")
    assert world.runs.get_run(1).error == "cancelled by ana: nothing had begun"


def test_a_run_that_is_to_be_cancelled_is_not_started_any_more(world: MemoryWorld) -> None:
    """Whoever took its slot died before the execution was started, and so did whoever asked to cancel it."""
    world.runs.take_slot(start(world))
    world.runs.request_cancel(1, "by ana")
    assert dispatch(world) == []
    assert world.machine.started == {}
