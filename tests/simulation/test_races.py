"""Races and losses that deserve more than a chance in a random history, each tried in every way or many times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from random import Random
from typing import Any

import pytest

from headgate.adapters.memory import MemoryNodeQueue, MemoryWorld
from headgate.domain.events import ConnectorSynced
from headgate.domain.job import Environment, Job, JobsFile, RunnerSize
from headgate.domain.plan import CLOSING, OPENING
from headgate.domain.queue import NodeRecord, NodeState, unfinished_parents
from headgate.domain.run import RunStatus
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.match_triggers import match_triggers
from headgate.usecases.repair_queue import repair_queue
from tests.builders import fivetran_gate
from tests.plans import plan_of, result_of, write
from tests.simulation.checker import report, violations
from tests.simulation.kernel import START, Process
from tests.simulation.ports import Fate, Weather
from tests.simulation.scenario import Scenario, Sync, make_project
from tests.simulation.services import Mishaps
from tests.simulation.simulation import Simulation

JOB = Job("job", "env", ("dbt build",), gates=(fivetran_gate("c1"),))


def scenario(
    seed: int = 1, *, nodes: int = 4, runners: int = 2, syncs: int = 1, job: Job = JOB, **more: Any
) -> Scenario:
    """One small job; everything begins at once and nothing goes wrong."""
    environment = Environment("env", "prod", "analytics", 2, RunnerSize(max=runners))
    given: dict[str, Any] = {
        "weather": Weather(until=START),
        "mishaps": Mishaps(until=START),
        "start_seconds": 5.0,
        "longest_seconds": 5.0,
        "quiet_at": START + 60.0,
    }
    return Scenario(
        seed=seed,
        jobs=JobsFile((environment,), (job,), ()),
        bundles={"env": make_project(Random(seed), nodes, {})},
        syncs=tuple(Sync("c1", f"s{number}", (START,)) for number in range(syncs)),
        **(given | more),
    )


def happened(given: Scenario, before: Callable[[Simulation], None] = lambda _: None) -> Simulation:
    """The history of it, which broke no rule."""
    simulation = Simulation(given)
    before(simulation)
    simulation.run()
    found = violations(simulation)
    assert not found, report(simulation, found)
    return simulation


@pytest.mark.parametrize("part", range(4))
def test_cancel_and_finish_in_a_thousand_orders_give_one_end(part: int) -> None:
    """F20."""
    ends: Counter[str] = Counter()
    for seed in range(250 * part, 250 * (part + 1)):
        at = START + Random(f"cancel {seed}").uniform(0.0, 30.0)
        [run] = happened(scenario(seed, cancels=(at,))).world.runs.list_runs()
        ends[run.status.value] += 1
    assert set(ends) == {"success", "cancelled"}
    assert min(ends.values()) > 10, "one of the two never had a chance"


@pytest.mark.parametrize("limit", [1, 2])
def test_a_hundred_starts_at_once_never_pass_the_jobs_slot(limit: int) -> None:
    """F21: the checker looks at every place that is taken and given back."""
    job = replace(JOB, on_conflict="queue_all", max_parallel_runs=limit)
    simulation = happened(scenario(nodes=2, runners=1, syncs=100, job=job))
    runs = simulation.world.runs.list_runs(1_000)
    assert [run.status for run in runs] == [RunStatus.SUCCESS] * 100


def test_a_hundred_events_at_once_are_answered_by_a_few_runs() -> None:
    """dbt Cloud's rule: one runs, one waits; and no event is lost."""
    simulation = happened(scenario(nodes=2, runners=1, syncs=100))
    runs = simulation.world.runs.list_runs(1_000)
    done = [run for run in runs if run.status is RunStatus.SUCCESS]
    assert len(runs) == 100
    assert len(done) < 20
    assert len({cause.key for run in done for cause in run.causes}) == 100


def test_every_order_of_six_events_gives_the_same_state() -> None:
    """F3."""
    jobs = (JOB, Job("other", "env", ("dbt build",), gates=(fivetran_gate("c1", "c2"),)))
    syncs = [("c1", "1"), ("c1", "2"), ("c1", "3"), ("c2", "1"), ("c2", "2"), ("c3", "1")]
    states = set()
    for order in permutations(syncs):
        world = MemoryWorld()
        world.jobs.apply(JobsFile((Environment("env", "prod", "analytics"),), jobs, ()))
        for connector, sync_id in order:
            event_id = f"fivetran/default/{connector}/{sync_id}/sync_end"
            world.events.record(event_id, {})
            event = ConnectorSynced(
                event_id=event_id,
                provider="fivetran",
                origin="default",
                connector_id=connector,
                sync_id=sync_id,
            )
            match_triggers(event, world)
        while dispatch_runs(None, world):
            for run in world.runs.active_runs():
                world.runs.move(run.run_id, RunStatus.SUCCESS)
        runs = world.runs.list_runs(100)
        done = [run for run in runs if run.status is RunStatus.SUCCESS]
        states.add(frozenset((run.job, cause.key) for run in done for cause in run.causes))
        assert len(runs) == 8
        assert len(done) == 2
    [answered] = states
    assert len(answered) == 8


def test_who_wakes_after_a_takeover_records_nothing() -> None:
    """F16: a runner freezes before it records a node, for longer than its lease; the others take the node over."""
    refused = 0
    for seed in range(40):
        simulation = happened(scenario(seed, nodes=12, weather=Weather(force=_freeze_one_record())))
        [run] = simulation.world.runs.list_runs()
        assert run.status is RunStatus.SUCCESS
        refused += sum(e.what == "queue.finish" and e.answer is False for e in simulation.history)
    assert refused > 5, "nobody woke late enough"


def _freeze_one_record() -> Callable[[int, Process, str], Fate | None]:
    frozen: list[str] = []

    def force(_: int, process: Process, what: str) -> Fate | None:
        if what == "queue.finish" and not frozen:
            frozen.append(process.name)
            return Fate.FROZEN_BEFORE
        return Fate.FINE

    return force


def test_a_container_that_stays_pending_is_started_again_after_180_seconds() -> None:
    """F12, with runners whose clocks are five minutes off (F29)."""
    for seed in range(10):
        mishaps = Mishaps(never_starts=1.0, until=START + 20.0)
        simulation = happened(scenario(seed, mishaps=mishaps, skew=300.0))
        [run] = simulation.world.runs.list_runs()
        assert run.status is RunStatus.SUCCESS
        stops = [
            entry for entry in simulation.history if entry.what.startswith("container stopped: no lease")
        ]
        assert stops
        assert all(180.0 <= stop.at - START <= 245.0 for stop in stops)


def test_a_stopped_execution_whose_event_was_lost_is_cancelled_within_two_minutes() -> None:
    """F19: the next look of the reaper, and the time that runners get to leave."""
    for seed in range(20):
        at = START + 8.0
        given = scenario(seed, nodes=30, aborts=(at,), mishaps=Mishaps(forgotten=1.0))
        simulation = happened(given)
        [run] = simulation.world.runs.list_runs()
        assert run.status is RunStatus.CANCELLED
        [end] = [e for e in simulation.history if e.what == "runs.move" and e.answer is True]
        assert end.at - at <= 120.0


@pytest.mark.parametrize("part", range(4))
def test_corrupt_waiting_sets_are_right_after_one_sweep(part: int) -> None:
    """F9: positions lost, added and exchanged at random, and nodes that are ready too early."""
    for seed in range(50 * part, 50 * (part + 1)):
        random = Random(f"corrupt {seed}")
        names = [f"n{number:02}" for number in range(30)]
        parents = {
            name: tuple(random.sample(names[:at], min(at, random.randint(0, 3))))
            for at, name in enumerate(names)
        }
        plan = plan_of(parents, runners=1)
        queue = MemoryNodeQueue()
        write(queue, plan)
        epoch = queue.take_lease(7, 1, 1, 1e12, at=0.0)
        for name in [OPENING, *names[: random.randint(0, 29)]]:
            _finish(queue, name, epoch)
        for node in queue.nodes(7, 1):
            if node.state is not NodeState.DONE and node.unique_id != CLOSING:
                queue._set((7, 1), _corrupted(node, random))
        repair_queue(queue, plan, {})
        nodes = queue.nodes(7, 1)
        due = unfinished_parents(plan, nodes)
        for node in nodes:
            if node.state is NodeState.WAITING and node.unique_id != CLOSING:
                assert node.waits == due[node.unique_id], (seed, node)
            if node.state is NodeState.READY:
                assert not due[node.unique_id], (seed, node)
        assert all(
            node.state in (NodeState.READY, NodeState.DONE)
            for node in nodes
            if not due.get(node.unique_id, {-1})
        )


def _finish(queue: MemoryNodeQueue, name: str, epoch: int) -> None:
    node = next(node for node in queue.nodes(7, 1) if node.unique_id == name)
    queue._set((7, 1), replace(node, state=NodeState.RUNNING, waits=frozenset(), runner=1, epoch=epoch))
    result = None if name == OPENING else result_of(name)
    assert queue.finish(7, 1, name, result, runner=1, epoch=epoch, at="2026-01-01T00:00:00.000+00:00")


def _corrupted(node: NodeRecord, random: Random) -> NodeRecord:
    waits = frozenset(position for position in range(32) if random.random() < 0.1)
    state = NodeState.READY if random.random() < 0.2 else NodeState.WAITING
    return replace(node, waits=frozenset() if state is NodeState.READY else waits, state=state)
