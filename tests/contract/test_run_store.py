"""RunStore: one cause makes one run, a job has one slot, a final status is final."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from headgate.domain.job import Job
from headgate.domain.run import Cause, Run, RunStatus
from headgate.errors import NotFoundError
from tests.contract.conftest import Stage

JOB = Job("finance", "production", ("dbt build --select tag:finance+", "dbt build"))
THREADS = 6


def queued(world: Any, key: str, job: Job = JOB) -> Run:
    run, made = world.runs.create_run(job, "d" * 64, Cause("cli", key, "by hand"))
    assert made
    return run


def at_once(call: Any, arguments: list[Any]) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, arguments))


def test_a_new_run_is_what_its_job_says(world: Any) -> None:
    run = queued(world, "one")
    assert run == Run(
        run_id=1,
        job="finance",
        environment="production",
        bundle="d" * 64,
        steps=("dbt build --select tag:finance+", "dbt build"),
        cause=Cause("cli", "one", "by hand"),
        status=RunStatus.QUEUED,
        created_at="2026-01-01T00:00:00.000+00:00",
    )
    assert world.runs.get_run(1) == run


def test_the_same_cause_gives_the_same_run(world: Any) -> None:
    run = queued(world, "one")
    assert world.runs.create_run(JOB, "e" * 64, Cause("cli", "one")) == (run, False)
    other, made = world.runs.create_run(Job("other", "production", ()), "d" * 64, Cause("cli", "one"))
    assert made
    assert other.run_id == run.run_id + 1


def test_one_cause_from_many_sides_at_once_makes_one_run(world: Any) -> None:
    answers = at_once(
        lambda _: world.runs.create_run(JOB, "d", Cause("fivetran", "sync")), list(range(THREADS))
    )
    assert sorted(made for _, made in answers) == [False] * (THREADS - 1) + [True]
    assert len({run.run_id for run, _ in answers}) == 1
    assert len(world.runs.list_runs()) == 1


def test_an_unknown_run_is_not_found(world: Any) -> None:
    with pytest.raises(NotFoundError, match="run 9"):
        world.runs.get_run(9)
    with pytest.raises(NotFoundError):
        world.runs.move(9, RunStatus.ERROR)
    with pytest.raises(NotFoundError):
        world.runs.record_execution(9, "arn")
    with pytest.raises(NotFoundError):
        world.runs.get_run(9)


def test_runs_are_listed_newest_first_and_by_job(world: Any) -> None:
    other = Job("other", "production", ())
    for key in range(6):
        queued(world, str(key), other if key % 3 == 0 else JOB)
    assert [run.run_id for run in world.runs.list_runs()] == [6, 5, 4, 3, 2, 1]
    assert [run.run_id for run in world.runs.list_runs(limit=2)] == [6, 5]
    assert [run.run_id for run in world.runs.list_runs(limit=1, job="other")] == [4]
    assert [run.run_id for run in world.runs.list_runs(job="other")] == [4, 1]
    assert world.runs.list_runs(job="nobody") == []


def test_active_runs_are_those_that_have_not_ended_oldest_first(world: Any) -> None:
    for key in "abc":
        queued(world, key)
    assert world.runs.move(2, RunStatus.CANCELLED)
    assert [run.run_id for run in world.runs.active_runs()] == [1, 3]


def test_an_end_is_known_until_it_was_announced(world: Any) -> None:
    for key in "abc":
        queued(world, key)
    assert world.runs.unannounced() == []
    assert world.runs.move(3, RunStatus.CANCELLED)
    assert world.runs.move(1, RunStatus.CANCELLED)
    assert [run.run_id for run in world.runs.unannounced()] == [1, 3]
    world.runs.record_announced(1)
    world.runs.record_announced(1)
    world.runs.record_announced(2)
    assert [run.run_id for run in world.runs.unannounced()] == [3]
    assert [run.run_id for run in world.runs.active_runs()] == [2]
    with pytest.raises(NotFoundError):
        world.runs.record_announced(99)


def test_one_run_of_a_job_at_a_time(world: Any) -> None:
    first, second = queued(world, "1"), queued(world, "2")
    assert world.runs.take_slot(first)
    assert not world.runs.take_slot(first), "it is no longer queued"
    assert not world.runs.take_slot(second)
    assert world.runs.get_run(1).status is RunStatus.STARTING
    assert world.runs.get_run(2).status is RunStatus.QUEUED
    assert world.runs.take_slot(queued(world, "3", Job("other", "production", ())))
    assert world.runs.move(1, RunStatus.ERROR)
    assert world.runs.take_slot(second)


def test_one_slot_wanted_from_many_sides_at_once_is_given_once(world: Any) -> None:
    runs = [queued(world, str(key)) for key in range(THREADS)]
    taken = at_once(world.runs.take_slot, runs)
    assert sum(map(bool, taken)) == 1
    assert [run.status for run in world.runs.active_runs()].count(RunStatus.STARTING) == 1


def test_a_run_goes_its_way_with_its_times(stage: Stage) -> None:
    runs = stage.world.runs
    run = queued(stage.world, "1")
    assert runs.take_slot(run)
    runs.record_execution(1, "arn:execution")
    stage.clock.advance(5)
    assert runs.move(1, RunStatus.RUNNING)
    stage.clock.advance(60)
    assert runs.move(1, RunStatus.SUCCESS, counts={"success": 30, "warn": 1})
    assert runs.get_run(1) == run.with_status(
        RunStatus.SUCCESS,
        started_at="2026-01-01T00:00:05.000+00:00",
        finished_at="2026-01-01T00:01:05.000+00:00",
        execution_arn="arn:execution",
        counts={"success": 30, "warn": 1},
    )


def test_a_move_says_only_what_it_may(world: Any) -> None:
    queued(world, "1")
    assert world.runs.take_slot(world.runs.get_run(1))
    assert world.runs.move(1, RunStatus.RUNNING, started_at="2026-01-02T00:00:00.000+00:00")
    assert world.runs.get_run(1).started_at == "2026-01-02T00:00:00.000+00:00"
    assert world.runs.move(1, RunStatus.ERROR, error="the database is down")
    assert world.runs.get_run(1).error == "the database is down"
    with pytest.raises(TypeError, match="bundle"):
        world.runs.move(1, RunStatus.ERROR, bundle="other")


@pytest.mark.parametrize("final", [RunStatus.SUCCESS, RunStatus.ERROR, RunStatus.CANCELLED])
def test_a_final_status_is_final(world: Any, final: RunStatus) -> None:
    world.runs.take_slot(queued(world, "1"))
    assert world.runs.move(1, RunStatus.RUNNING)
    assert not world.runs.move(1, RunStatus.STARTING)
    assert world.runs.move(1, final)
    before = world.runs.get_run(1)
    assert not any(world.runs.move(1, status, error="late") for status in RunStatus)
    assert world.runs.get_run(1) == before


def test_a_queued_run_cannot_succeed(world: Any) -> None:
    queued(world, "1")
    assert not world.runs.move(1, RunStatus.SUCCESS)
    assert not world.runs.move(1, RunStatus.RUNNING)


def test_cancelling_a_queued_run_leaves_anothers_slot_alone(world: Any) -> None:
    first, second, third = (queued(world, key) for key in "123")
    assert world.runs.take_slot(first)
    assert world.runs.move(second.run_id, RunStatus.CANCELLED)
    assert not world.runs.take_slot(third)


def test_of_a_finish_and_a_cancel_at_once_one_counts(world: Any) -> None:
    world.runs.take_slot(queued(world, "1"))
    world.runs.move(1, RunStatus.RUNNING)
    wanted = [RunStatus.SUCCESS, RunStatus.CANCELLED, RunStatus.ERROR] * 2
    assert sum(at_once(lambda status: world.runs.move(1, status), wanted)) == 1
    assert world.runs.get_run(1).status.is_final
    assert world.runs.take_slot(queued(world, "2"))


def test_a_retry_remembers_what_it_repeats(world: Any) -> None:
    queued(world, "1")
    again, made = world.runs.create_run(
        JOB, "d", Cause("retry", "1/again"), retry_of=1, first_step=2, from_start=True
    )
    assert made
    assert (again.retry_of, again.first_step, again.from_start) == (1, 2, True)
    assert world.runs.get_run(again.run_id) == again
    assert world.runs.create_run(JOB, "d", Cause("retry", "1/again"), retry_of=1) == (again, False)


def test_the_first_wish_to_cancel_is_recorded(world: Any) -> None:
    queued(world, "1")
    assert world.runs.request_cancel(1, "by ana")
    assert not world.runs.request_cancel(1, "by ben")
    assert world.runs.get_run(1).cancel == "by ana"
    assert not world.runs.get_run(1).status.is_final
    with pytest.raises(NotFoundError, match="run 9"):
        world.runs.request_cancel(9, "by ana")


@pytest.mark.parametrize("final", [RunStatus.SUCCESS, RunStatus.ERROR, RunStatus.CANCELLED])
def test_what_is_over_cannot_be_cancelled(world: Any, final: RunStatus) -> None:
    world.runs.take_slot(queued(world, "1"))
    world.runs.move(1, final)
    before = world.runs.get_run(1)
    assert not world.runs.request_cancel(1, "by ana")
    assert world.runs.get_run(1) == before


def test_a_run_that_is_to_be_cancelled_gets_no_slot(world: Any) -> None:
    run = queued(world, "1")
    world.runs.request_cancel(1, "by ana")
    assert not world.runs.take_slot(run)
    assert world.runs.get_run(1).status is RunStatus.QUEUED
    assert world.runs.move(1, RunStatus.CANCELLED, error="cancelled by ana")
    assert world.runs.take_slot(queued(world, "2"))


def test_of_a_cancel_and_a_start_at_once_both_know_who_was_first(world: Any) -> None:
    for key in "abc":
        run = queued(world, key, Job(key, "production", ()))
        calls = [
            lambda run=run: world.runs.take_slot(run),
            lambda run=run: world.runs.request_cancel(run.run_id, "by ana"),
        ]
        taken, asked = at_once(lambda call: call(), calls)
        stored = world.runs.get_run(run.run_id)
        assert asked
        assert stored.status is (RunStatus.STARTING if taken else RunStatus.QUEUED)
