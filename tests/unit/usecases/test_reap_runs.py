"""reap_runs: what was lost goes on or ends, once a minute, and nothing that lives is touched."""

from functools import partial

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.adapters.memory.build_states import MemoryBuildStates
from headgate.domain.events import RunFinished
from headgate.domain.execution import Container, Execution
from headgate.domain.queue import LEASE_SECONDS, REAPER_MARGIN_SECONDS, NodeRecord, NodeState, RunnerRecord
from headgate.domain.run import Run, RunStatus
from headgate.errors import UnavailableError
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.reap_runs import LOOK_SECONDS, Reaped, has_begun, reap_runs
from tests.whole_runs import announced, build, cancel, dispatch, finalizer, plan, session, start

ARN = "arn:aws:states:us-east-1:000000000000:execution:runs:run-"


def reap(world: MemoryWorld) -> Reaped:
    return reap_runs(
        runs=world.runs,
        queue=world.queue,
        plans=world.plans,
        machine=world.machine,
        containers=world.containers,
        slots=world.slots,
        clock=world.clock,
        finalize=finalizer(world),
        dispatch=partial(dispatch_runs, None, world),
    )


def container(world: MemoryWorld, run_id: int = 1, step: int = 1, runner: int = 1) -> str:
    arn = f"arn:{len(world.containers.started)}"
    made = Container(arn, run_id, step, runner, world.clock.now(), "RUNNING")
    world.containers.started[arn] = made
    return arn


def begin(world: MemoryWorld, job: str = "finance", key: str = "k") -> int:
    run = start(world, job, key)
    dispatch(world), plan(world, run_id=run.run_id)
    return run.run_id


def test_where_all_is_well_nothing_is_done(world: MemoryWorld) -> None:
    begin(world)
    container(world)
    session(world)
    world.slots.take("production", "warehouse", "1#1#1#1#model.shop.raw", 8)
    world.clock.advance(30)
    assert reap(world) == Reaped()
    assert reap(world).to_log() == {}
    assert (world.containers.stopped, world.machine.stopped) == ({}, {})
    assert world.runs.get_run(1).status is RunStatus.STARTING


def test_a_run_whose_announcement_was_lost_starts(world: MemoryWorld) -> None:
    start(world)
    assert reap(world).started == (1,)
    assert list(world.machine.started.values()) == [1]


def test_a_container_that_never_comes_up_is_stopped_after_three_minutes(world: MemoryWorld) -> None:
    begin(world)
    arn, other = container(world), container(world, runner=2)
    world.clock.advance(30)
    session(world, runner=2)
    world.clock.advance(150)
    assert reap(world).stopped == ()
    world.clock.advance(1)
    assert reap(world).stopped == (arn,)
    assert world.containers.stopped == {arn: "no lease within 180 s of its creation"}
    assert [found.arn for found in world.containers.running()] == [other]
    again = container(world)
    world.clock.advance(60)
    session(world)
    world.clock.advance(200)
    assert reap(world).stopped == ()
    assert again not in world.containers.stopped
    world.clock.advance(60)
    # Neither renews its lease; one has been without for six minutes.
    assert reap(world).stopped == (other,)


@pytest.mark.parametrize(
    ("lease", "begun"),
    [
        (None, False),
        (RunnerRecord(2, 1, until=2_000.0, taken_at=1_010.0), False),  # another runner's
        (RunnerRecord(1, 1, until=1_070.0, taken_at=1_010.0), True),
        (RunnerRecord(1, 1, until=1_070.0, ended=True, taken_at=1_010.0), True),  # it has done its share
        (RunnerRecord(1, 1, until=990.0, ended=True, taken_at=900.0), False),  # the attempt before
        (RunnerRecord(1, 1, until=1_300.0 - 300 + 60, taken_at=1_010.0 - 300), True),  # its clock is slow
        (RunnerRecord(1, 1, until=1_300.0 + 300 + 60, taken_at=1_010.0 + 300), True),  # its clock is fast
        (RunnerRecord(1, 1, until=930.0, taken_at=870.0), False),  # killed before it could say so
        (RunnerRecord(1, 1, until=900.0, ended=True, taken_at=1_010.0), False),  # that was long ago
    ],
)
def test_a_lease_tells_whether_a_container_has_begun(lease: RunnerRecord | None, begun: bool) -> None:
    made = Container("arn", 1, 1, 1, 1_000.0, "RUNNING")
    assert has_begun(made, [lease] if lease else [], now=1_300.0) is begun


def test_a_container_without_a_process_has_not_begun_whatever_a_fast_clock_wrote() -> None:
    before = RunnerRecord(1, 1, until=1_260.0, ended=True, taken_at=1_200.0)
    assert has_begun(Container("arn", 1, 1, 1, 1_000.0, "RUNNING"), [before], now=1_300.0)
    assert not has_begun(Container("arn", 1, 1, 1, 1_000.0, "PENDING"), [before], now=1_300.0)


@pytest.mark.parametrize(
    ("ended", "status", "error"),
    [
        (
            Execution("ABORTED", cause="too slow"),
            RunStatus.CANCELLED,
            "cancelled in AWS (too slow): 4 nodes never",
        ),
        (Execution("ABORTED"), RunStatus.CANCELLED, "cancelled in AWS: 4 nodes never started"),
        (Execution("TIMED_OUT"), RunStatus.ERROR, "the execution ended as TIMED_OUT"),
        (
            Execution("FAILED", "States.Runtime", "no"),
            RunStatus.ERROR,
            "the execution ended as FAILED: States.Runtime: no",
        ),
        (Execution("SUCCEEDED"), RunStatus.ERROR, "the execution ended as SUCCEEDED"),
    ],
    ids=lambda value: getattr(value, "status", None),
)
def test_an_execution_that_ended_unheard_ends_its_run(
    world: MemoryWorld, ended: Execution, status: RunStatus, error: str
) -> None:
    begin(world)
    following = start(world, key="next")
    world.machine.ended[f"{ARN}1"] = ended
    assert reap(world).ended == (1,)
    run = world.runs.get_run(1)
    assert run.status is status
    assert (run.error or "").startswith(error)
    assert announced(world) == [status]
    assert reap(world).started == (following.run_id,)


def test_a_cancel_whose_asker_died_is_carried_out(world: MemoryWorld) -> None:
    begin(world)
    waiting = start(world, key="waits")
    for run_id in (1, waiting.run_id):
        world.runs.request_cancel(run_id, "by ana")
    assert reap(world).ended == (waiting.run_id,)
    assert list(world.machine.stopped.values()) == ["cancelled by ana"]
    assert reap(world).ended == (1,)
    assert world.runs.get_run(1).error == "cancelled by ana: 4 nodes never started"
    assert announced(world) == ["cancelled", "cancelled"]


def test_a_run_whose_execution_is_unknown_is_started_again_under_its_name(world: MemoryWorld) -> None:
    run = start(world)
    world.runs.take_slot(run)
    world.runs.record_execution(1, f"{ARN}1")
    reap(world)
    assert list(world.machine.started) == [f"{ARN}1"]


def test_a_lost_runner_loses_its_claims_and_its_places(world: MemoryWorld) -> None:
    begin(world)
    lost = session(world)
    build(lost, 1)
    held = lost.next().unique_id  # type: ignore[union-attr]
    world.slots.take("production", "warehouse", f"1#1#1#1#{held}", 1)
    world.clock.advance(LEASE_SECONDS + REAPER_MARGIN_SECONDS + 1)
    reaped = reap(world)
    assert (reaped.taken_over, reaped.freed) == ((held,), (f"1#1#1#1#{held}",))
    [record] = [node for node in world.queue.nodes(1, 1) if node.unique_id == held]
    assert (record.state, record.uncertain) == (NodeState.READY, True)
    assert world.slots.take("production", "warehouse", "2#1#1#1#model.shop.raw", 1)


def test_a_runner_whose_clock_is_five_minutes_slow_keeps_its_lease(world: MemoryWorld) -> None:
    begin(world)
    session(world)
    world.clock.advance(300 + LEASE_SECONDS)
    assert reap(world) == Reaped()


def test_containers_and_executions_of_runs_that_are_over_are_stopped(world: MemoryWorld) -> None:
    begin(world)
    arn, strange = container(world), container(world, run_id=99)
    world.runs.move(1, RunStatus.ERROR, error="the execution ended as FAILED")
    assert reap(world).stopped == (arn,)
    assert list(world.machine.stopped) == [f"{ARN}1"]
    assert strange not in world.containers.stopped


def test_a_runner_of_an_earlier_step_is_stopped(world: MemoryWorld) -> None:
    begin(world, "two_steps")
    arn = container(world)
    plan(world, step=2)
    assert reap(world).stopped == (arn,)


def test_the_places_of_runs_that_are_over_are_swept(world: MemoryWorld) -> None:
    begin(world)
    world.runs.move(1, RunStatus.ERROR)
    begin(world, key="next")
    for run_id in (1, 99):
        world.slots.take("production", "warehouse", f"{run_id}#1#1#1#model.shop.raw", 2)
    assert sorted(reap(world).freed) == ["1#1#1#1#model.shop.raw", "99#1#1#1#model.shop.raw"]


def test_one_bad_run_does_not_hold_up_the_others(world: MemoryWorld) -> None:
    begin(world)
    other = begin(world, "nightly", "n")
    world.machine.ended[f"{ARN}{other}"] = Execution("FAILED")
    status = world.machine.status

    def refuse_the_first(run: Run) -> Execution | None:
        if run.run_id == 1:
            raise UnavailableError("Step Functions does not answer")
        return status(run)

    world.machine.status = refuse_the_first  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        reap(world)
    assert world.runs.get_run(other).status is RunStatus.ERROR
    assert world.runs.get_run(1).status is RunStatus.STARTING


def test_an_execution_that_is_still_planning_is_left_to_step_functions(world: MemoryWorld) -> None:
    start(world), dispatch(world)
    world.clock.advance(3_600)
    assert reap(world) == Reaped()
    cancel(world)
    assert reap(world).ended == (1,)
    assert world.runs.get_run(1).error == "cancelled by ana: nothing had begun"


def test_an_end_that_nobody_heard_of_is_announced(world: MemoryWorld) -> None:
    begin(world)
    assert world.runs.move(1, RunStatus.ERROR, error="whoever wrote this died")
    reap(world)
    reap(world)
    ends = [event for event in world.bus.published if isinstance(event, RunFinished)]
    assert [(event.run_id, event.status) for event in ends] == [(1, "error")]


def test_a_run_that_the_listing_still_calls_active_is_left_alone(world: MemoryWorld) -> None:
    begin(world)
    listed = world.runs.get_run(1)
    world.machine.started.clear()
    world.runs.move(1, RunStatus.SUCCESS)
    world.runs.active_runs = lambda: [listed]  # type: ignore[method-assign]
    assert reap(world).ended == ()
    assert world.machine.started == {}


def test_where_no_runner_was_lost_no_node_is_read(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(world)
    session(world), session(world, runner=2)
    read: list[int] = []
    nodes = world.queue.nodes
    monkeypatch.setattr(world.queue, "nodes", lambda *key: read.append(1) or nodes(*key))
    reap(world)
    assert read == []
    world.clock.advance(LEASE_SECONDS + REAPER_MARGIN_SECONDS + 1)
    reap(world)
    assert read != []


def test_taking_over_ends_with_the_minute_and_leaves_nobody_out_for_ever(world: MemoryWorld) -> None:
    begin(world), begin(world, "nightly", "n")
    for run_id in (1, 2):
        # Each of them builds the first model, as if the other one's were elsewhere.
        world.states = MemoryBuildStates()
        lost = session(world, run_id=run_id)
        build(lost, 1)
        lost.next()
    world.clock.advance(LEASE_SECONDS + REAPER_MARGIN_SECONDS + 1)
    nodes = world.queue.nodes

    def slowly(run_id: int, step: int) -> list[NodeRecord]:
        world.clock.advance(LOOK_SECONDS)
        return nodes(run_id, step)

    world.queue.nodes = slowly  # type: ignore[method-assign]
    assert len(reap(world).taken_over) == 1
    assert any(reap(world).taken_over for _ in range(20))
    world.queue.nodes = nodes  # type: ignore[method-assign]
    assert not [node for run_id in (1, 2) for node in nodes(run_id, 1) if node.state is NodeState.RUNNING]
