"""retry_run: which step it begins with, what it builds there, and when there is nothing to repeat."""

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.events import RunQueued
from headgate.domain.run import Cause, Run, RunStatus
from headgate.errors import ConflictError, NotFoundError
from headgate.usecases.retry_run import RetryPreview, retry_preview, retry_run
from tests.whole_runs import build, cancel, dispatch, finalizer, plan, session, start


def retry(world: MemoryWorld, run_id: int = 1, key: str = "again", from_start: bool = False) -> Run:
    return retry_run(
        run_id,
        from_start=from_start,
        cause=Cause("retry", key),
        runs=world.runs,
        queue=world.queue,
        bus=world.bus,
    )


def preview(world: MemoryWorld, run_id: int = 1, from_start: bool = False) -> RetryPreview:
    return retry_preview(run_id, from_start=from_start, ports=world)


def play(world: MemoryWorld, run_id: int, failing: str = "", steps: tuple[int, ...] = (1,)) -> Run:
    """These steps of a run that was queued, to its end."""
    dispatch(world)
    for step in steps:
        planned = plan(world, step, run_id)
        if planned.to_state()["build"]:
            build(session(world, step=step, run_id=run_id), failing=frozenset({failing}))
        finalizer(world)(run_id, step)
    return world.runs.get_run(run_id)


def names(world: MemoryWorld, run_id: int, step: int = 1) -> list[str]:
    return [node.unique_id.rpartition(".")[2] for node in world.plans.get_plan(run_id, step).nodes]


def test_a_retry_builds_what_failed_and_what_was_skipped(world: MemoryWorld) -> None:
    play(world, start(world).run_id, failing="left")
    run = retry(world)
    assert (run.run_id, run.retry_of, run.first_step, run.from_start) == (2, 1, 1, False)
    assert (run.job, run.bundle, run.steps, run.status) == (
        "finance",
        "d" * 64,
        ("dbt build",),
        RunStatus.QUEUED,
    )
    assert world.bus.published[-1] == RunQueued(run_id=2, job="finance")
    assert play(world, 2).status is RunStatus.SUCCESS
    assert names(world, 2) == ["left", "joined"]
    assert world.runs.get_run(2).counts == {"success": 2}


def test_the_same_cause_makes_one_retry(world: MemoryWorld) -> None:
    play(world, start(world).run_id, failing="left")
    assert retry(world) == retry(world)
    assert retry(world, key="once more").run_id == 3


def test_a_retry_of_a_retry_builds_what_is_still_undone(world: MemoryWorld) -> None:
    play(world, start(world).run_id, failing="raw")
    assert play(world, retry(world).run_id, failing="joined").status is RunStatus.ERROR
    assert names(world, 2) == ["raw", "left", "right", "joined"]
    assert play(world, retry(world, 2).run_id).status is RunStatus.SUCCESS
    assert names(world, 3) == ["joined"]


def test_a_retry_after_a_cancel_builds_what_was_stopped_and_what_never_began(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    building = session(world)
    build(building, 2)
    building.next()
    cancel(world)
    building.hand_back()
    finalizer(world)(1, 1, cancelled=True)
    play(world, retry(world).run_id)
    assert names(world, 2) == ["left", "right", "joined"]


def test_a_retry_of_a_run_that_was_cancelled_while_it_waited_is_the_whole_run(world: MemoryWorld) -> None:
    start(world), cancel(world)
    play(world, retry(world).run_id)
    assert names(world, 2) == ["raw", "left", "right", "joined"]


def test_a_retry_of_a_retry_that_never_began_still_knows_what_is_undone(world: MemoryWorld) -> None:
    play(world, start(world).run_id, failing="left")
    retry(world), cancel(world, 2)
    play(world, retry(world, 2).run_id)
    assert names(world, 3) == ["left", "joined"]


def test_a_retry_begins_at_the_step_that_failed(world: MemoryWorld) -> None:
    play(world, start(world, "two_steps").run_id, failing="left", steps=(1, 2))
    run = retry(world)
    assert run.first_step == 2
    dispatch(world)
    assert list(world.machine.inputs.values())[-1] == {"run_id": 2, "step": 2}
    assert play(world, 2, steps=(2,)).status is RunStatus.SUCCESS
    assert world.runs.get_run(2).counts == {"success": 1}
    with pytest.raises(NotFoundError):
        world.plans.get_plan(2, 1)


def test_the_steps_after_the_one_that_failed_are_built_as_they_are(world: MemoryWorld) -> None:
    play(world, start(world, "two_steps").run_id, failing="raw")
    assert play(world, retry(world).run_id, steps=(1, 2)).counts == {"success": 2}
    assert (names(world, 2, 1), names(world, 2, 2)) == (["raw"], ["left"])


def test_a_step_that_could_not_be_planned_is_where_a_retry_begins(world: MemoryWorld) -> None:
    start(world, "two_steps"), dispatch(world), plan(world)
    build(session(world))
    finalizer(world)(1, 1)
    finalizer(world)(1, 2, "PlanError: the bundle is gone")
    assert retry(world).first_step == 2


def test_from_the_start_everything_is_built_again(world: MemoryWorld) -> None:
    play(world, start(world, "two_steps").run_id, steps=(1, 2))
    run = retry(world, from_start=True)
    assert (run.first_step, run.from_start) == (1, True)
    play(world, 2, steps=(1, 2))
    assert (names(world, 2, 1), names(world, 2, 2)) == (["raw"], ["left"])


def test_what_succeeded_is_repeated_only_from_its_start(world: MemoryWorld) -> None:
    play(world, start(world).run_id)
    with pytest.raises(ConflictError, match="run 1 succeeded"):
        retry(world)
    assert retry(world, from_start=True).retry_of == 1


@pytest.mark.parametrize("from_start", [False, True])
def test_what_is_not_over_is_not_repeated(world: MemoryWorld, from_start: bool) -> None:
    start(world)
    with pytest.raises(ConflictError, match="run 1 is queued: wait"):
        retry(world, from_start=from_start)
    with pytest.raises(NotFoundError):
        retry(world, 9)
    assert len(world.runs.list_runs()) == 1


def test_a_run_that_failed_after_all_was_built_has_nothing_to_repeat(world: MemoryWorld) -> None:
    start(world), dispatch(world), plan(world)
    build(session(world))
    world.runs.move(1, RunStatus.ERROR, error="the execution ended as FAILED")
    with pytest.raises(ConflictError, match=r"the execution ended as FAILED.*--from-start"):
        retry(world)


def test_a_retry_waits_while_another_run_of_its_job_goes_on(world: MemoryWorld) -> None:
    play(world, start(world).run_id, failing="left")
    other = start(world, key="next")
    assert dispatch(world) == [other.run_id]
    run = retry(world)
    assert dispatch(world) == []
    assert world.runs.get_run(run.run_id).status is RunStatus.QUEUED


def test_a_preview_shows_what_each_step_would_build_and_writes_nothing(world: MemoryWorld) -> None:
    play(world, start(world, "two_steps").run_id, failing="raw")
    found = preview(world)
    assert (found.retry_of, found.first_step) == (1, 1)
    assert [[node.unique_id for node in plan.nodes] for plan in found.plans] == [
        ["model.shop.raw"],
        ["model.shop.left"],
    ]
    assert [run.run_id for run in world.runs.list_runs()] == [1]
    assert world.queue.step(2, 1) is None
    with pytest.raises(NotFoundError):
        world.plans.get_plan(2, 1)


def test_a_preview_shows_what_the_retry_then_builds(world: MemoryWorld) -> None:
    play(world, start(world).run_id, failing="left")
    [shown] = preview(world).plans
    play(world, retry(world).run_id)
    assert [node.unique_id for node in shown.nodes] == [
        node.unique_id for node in world.plans.get_plan(2, 1).nodes
    ]
    assert len(preview(world, from_start=True).plans[0].nodes) == 4
