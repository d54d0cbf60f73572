"""Duplicates, disorder and crowds: as many runs as there were causes, and one of a job at a time."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from random import Random

from headgate.adapters.memory import MemoryWorld
from headgate.domain.events import ConnectorSynced
from headgate.domain.run import RunStatus
from headgate.usecases.match_triggers import match_triggers
from tests.whole_runs import dispatch, start

THREADS = 8


def synced(number: int) -> ConnectorSynced:
    return ConnectorSynced(
        event_id=f"fivetran/default/stripe/{number}/sync_end",
        provider="fivetran",
        origin="default",
        connector_id="stripe",
        sync_id=str(number),
        occurred_at=f"2026-01-01T00:00:{number % 60:02d}Z",
    )


def deliver(world: MemoryWorld, number: int) -> list[int]:
    event = synced(number)
    world.events.record(event.event_id, {})
    found = match_triggers(event, world)
    return [run.run_id for run in found]


def test_ten_thousand_deliveries_of_a_thousand_events_make_a_thousand_runs(world: MemoryWorld) -> None:
    deliveries = [number for number in range(1_000) for _ in range(10)]
    Random(1).shuffle(deliveries)
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda number: (number, *deliver(world, number)), deliveries))
    assert len(set(answers)) == 1_000
    assert len({run for _, run in answers}) == 1_000
    assert len(world.runs.list_runs(20_000)) == 1_000


def test_in_whatever_order_events_come_the_same_runs_are_made() -> None:
    from tests.unit.usecases.conftest import JOBS

    outcomes = set()
    for order in permutations(range(6)):
        world = MemoryWorld()
        world.jobs.apply(JOBS)
        for number in (*order, order[0]):
            deliver(world, number)
        # The last one waits and answers to all of them; the others gave way to it.
        [waiting] = world.runs.active_runs()
        outcomes.add((waiting.job, frozenset(waiting.causes), waiting.steps))
        assert len(waiting.causes) == len(world.runs.list_runs(20)) == 6
    assert len(outcomes) == 1


def test_of_a_hundred_starts_at_once_one_run_of_a_job_goes_on(world: MemoryWorld) -> None:
    jobs = ("finance", "nightly")
    for number in range(100):
        start(world, jobs[number % 2], str(number))
    for _ in range(5):
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda _: dispatch(world), range(THREADS)))
        going = [run for run in world.runs.active_runs() if run.status is not RunStatus.QUEUED]
        assert sorted(run.job for run in going) == ["finance", "nightly"]
        for run in going:
            world.runs.move(run.run_id, RunStatus.SUCCESS)
    assert len(world.machine.started) == 10
