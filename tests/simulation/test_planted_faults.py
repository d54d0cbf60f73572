"""The simulation finds what it is there for: code with one rule left out is caught within 200 seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from headgate.adapters.memory import MemoryNodeQueue, MemoryRunStore, MemorySlots, MemoryWorld
from headgate.adapters.memory.build_states import MemoryBuildStates
from headgate.adapters.memory.gate_store import MemoryGateStore
from headgate.domain import decision_table
from headgate.domain.build_state import BuildState, Hold
from headgate.domain.gate_state import Arrival, GateState
from headgate.domain.job import Job
from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.run_queue import ONE_OF_A_JOB, Limits, Start
from headgate.usecases import run_nodes, watch_leases
from tests.simulation.checker import violations
from tests.simulation.scenario import Scenario, make_scenario
from tests.simulation.simulation import Simulation, make_world
from tests.simulation.world import TrueClock

SEEDS = 200


Change = Callable[[Scenario], Scenario]


def as_it_is(scenario: Scenario) -> Scenario:
    return scenario


def where_runners_freeze_as_they_finish(scenario: Scenario) -> Scenario:
    """A stale epoch takes a runner that sleeps between its look at the clock and its write: one history in 200 else."""
    return replace(scenario, weather=replace(scenario.weather, frozen=0.002, focus="queue.finish"))


def where_runners_freeze_as_they_commit(scenario: Scenario) -> Scenario:
    """As above: what a runner built before it slept is committed after somebody else has built it."""
    return replace(scenario, weather=replace(scenario.weather, frozen=0.002, focus="states.commit"))


def first_found(
    world: Callable[[TrueClock], MemoryWorld], *rules: str, change: Change = as_it_is
) -> int | None:
    """The first seed in which one of these rules was broken."""
    for seed in range(SEEDS):
        simulation = Simulation(change(make_scenario(seed)), world)
        simulation.run()
        if any(rule in found for found in violations(simulation) for rule in rules):
            return seed
    return None


class NoEpochs(MemoryNodeQueue):
    """Takes the end of a node from whoever tells it."""

    def finish(
        self,
        run_id: int,
        step: int,
        unique_id: str,
        result: Any,
        *,
        runner: int,
        epoch: int,
        at: str,
    ) -> bool:
        node = next(node for node in self.nodes(run_id, step) if node.unique_id == unique_id)
        owner = {"runner": node.runner or runner, "epoch": node.epoch or epoch}
        return super().finish(run_id, step, unique_id, result, **owner, at=at)


class NoDedupe(MemoryRunStore):
    """Forgets causes."""

    def create_run(self, job: Job, bundle: str, cause: Cause, **more: Any) -> tuple[Run, bool]:
        again = replace(cause, key=f"{cause.key} {len(self.list_runs(10_000))}")
        return super().create_run(job, bundle, again, **more)


class NoLimits(MemorySlots):
    """Has a place for everybody."""

    def take(self, environment: str, pool: str, holder: str, limit: int) -> bool:
        return super().take(environment, pool, holder, 1_000)


class NoFences(MemoryBuildStates):
    """Takes a build from whoever once held the relation."""

    def commit(self, environment: str, state: BuildState) -> bool:
        last = self.read(environment, [state.unique_id])[state.unique_id]
        self._states[environment, state.unique_id] = replace(state, holder="", fence=last.fence)
        return True


class NoHolders(MemoryBuildStates):
    """Lets everybody build everything at once."""

    def hold(
        self, environment: str, unique_id: str, holder: str, *, instead_of: str = ""
    ) -> Hold | BuildState:
        there = self.read(environment, [unique_id]).get(unique_id)
        return super().hold(environment, unique_id, holder, instead_of=there.holder if there else instead_of)


class NoJobSlots(MemoryRunStore):
    """Lets every run of a job start at once."""

    def take_slot(self, run: Run, limits: Limits = ONE_OF_A_JOB) -> Start:
        self._places.clear()
        return super().take_slot(run, limits)


class NoUnion(MemoryRunStore):
    """Takes the place of runs, and not their causes."""

    def create_run(self, *asked: Any, **more: Any) -> tuple[Run, bool]:
        run, made = super().create_run(*asked, **more)
        self._runs[run.run_id] = forgetful = replace(run, also=more.get("also", ()))
        return forgetful, made


class NoSuccessors(MemoryRunStore):
    """Takes the place of whatever there is, in progress or not."""

    def create_run(self, job: Job, *asked: Any, **more: Any) -> tuple[Run, bool]:
        going = self.active_runs()
        for run in going:
            self._runs[run.run_id] = run.with_status(RunStatus.QUEUED)
        answer = super().create_run(job, *asked, **more)
        for run in going:
            if not self._runs[run.run_id].status.is_final:
                self._runs[run.run_id] = run
        return answer


class NoMemory(MemoryGateStore):
    """Counts whatever arrives as often as it does."""

    def arrive(self, job: str, gate: str, arrival: Arrival) -> tuple[GateState, bool]:
        self._known.clear()
        return super().arrive(job, gate, arrival)


class NoListing(MemoryGateStore):
    """Does not say which gates wait for the clock."""

    def open_states(self) -> list[GateState]:
        return []


class LosesReleases(MemoryNodeQueue):
    """Every twentieth release gets lost, when it is tried for the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: set[tuple[Any, ...]] = set()

    def release(self, *arguments: Any, **keywords: Any) -> bool:
        first = arguments not in self.tried
        self.tried.add(arguments)
        return not (first and len(self.tried) % 20 == 0) and super().release(*arguments, **keywords)


def changed(**ports: Callable[[TrueClock], object]) -> Callable[[TrueClock], MemoryWorld]:
    """A world in which these twins are other ones."""

    def world(clock: TrueClock) -> MemoryWorld:
        made = make_world(clock)
        for name, port in ports.items():
            setattr(made, name, port(clock))
        return made

    return world


def test_the_end_of_a_node_by_a_stale_epoch_is_found() -> None:
    rules = ("was recorded by", "ended twice")
    change = where_runners_freeze_as_they_finish
    seed = first_found(changed(queue=lambda _: NoEpochs()), *rules, change=change)
    assert seed is not None
    checked = Simulation(change(make_scenario(seed)))
    checked.run()
    assert not violations(checked)


def test_a_commit_without_its_fence_is_found() -> None:
    change = where_runners_freeze_as_they_commit
    seed = first_found(changed(states=lambda _: NoFences()), "was committed", change=change)
    assert seed is not None
    checked = Simulation(change(make_scenario(seed)))
    checked.run()
    assert not violations(checked)


@pytest.mark.parametrize(
    ("world", "rules"),
    [
        (changed(runs=NoDedupe), ("made runs",)),
        (changed(slots=lambda _: NoLimits()), ("holders",)),
        (changed(runs=NoJobSlots), ("were on their way at once",)),
        (changed(runs=NoUnion), ("and forgot",)),
        (changed(runs=NoSuccessors), ("which was in progress",)),
        (changed(states=lambda _: NoHolders()), ("beside",)),
        (changed(gates=lambda _: NoMemory()), ("opened gate/",)),
        (changed(gates=lambda _: NoListing()), ("should have opened",)),
    ],
    ids=[
        "no dedupe of causes",
        "pools without limits",
        "jobs without slots",
        "causes of others forgotten",
        "runs in progress superseded",
        "relations without holders",
        "arrivals counted twice",
        "gates that nobody looks at",
    ],
)
def test_a_rule_left_out_is_found(world: Callable[[TrueClock], MemoryWorld], rules: tuple[str, ...]) -> None:
    assert first_found(world, *rules) is not None


def test_a_node_that_is_reused_though_what_it_reads_is_built_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decision_table, "_news_of", lambda *_: None)
    assert first_found(make_world, "is reused, but") is not None


def without_repair(*_: object) -> Sequence[str]:
    return []


@pytest.mark.parametrize("queue", [MemoryNodeQueue, LosesReleases])
def test_a_queue_that_nobody_repairs_is_found(
    monkeypatch: pytest.MonkeyPatch, queue: type[MemoryNodeQueue]
) -> None:
    for module in (run_nodes, watch_leases):
        monkeypatch.setattr(module, "repair_queue", without_repair)
    assert first_found(changed(queue=lambda _: queue()), "is stuck") is not None


def test_lost_releases_are_repaired() -> None:
    """Not a fault: what the repair is for."""
    for seed in range(30, 50):
        simulation = Simulation(make_scenario(seed), changed(queue=lambda _: LosesReleases()))
        simulation.run()
        assert not violations(simulation)
