"""F7: a function or a runner dies at the k-th request of a run of 30 nodes, for every k. The run ends all the same."""

from __future__ import annotations

from random import Random

import pytest

from headgate.domain.job import Environment, Job, JobsFile, RunnerSize
from headgate.domain.run import RunStatus
from tests.builders import fivetran_gate
from tests.simulation.checker import report, violations
from tests.simulation.kernel import START, Process
from tests.simulation.ports import Fate, Weather
from tests.simulation.scenario import Scenario, Sync, make_project
from tests.simulation.services import Mishaps
from tests.simulation.simulation import Simulation

# Which part of all k one test looks at: each is a separate test, so that a failure says where.
PARTS = 8


def thirty_nodes(weather: Weather) -> Scenario:
    """One run of 30 nodes on two runners, nothing else going on; durations short, so that polling is little."""
    environment = Environment(
        "env", "prod", "analytics", 4, RunnerSize(max=2), concurrency=6, pools={"large": 2}
    )
    job = Job("job", "env", ("dbt build",), gates=(fivetran_gate("c1"),))
    return Scenario(
        seed=7,
        jobs=JobsFile((environment,), (job,), ()),
        bundles={"env": make_project(Random(7), 30, environment.pools)},
        syncs=(Sync("c1", "s1", (START + 1.0,)),),
        weather=weather,
        mishaps=Mishaps(),
        start_seconds=10.0,
        longest_seconds=5.0,
        quiet_at=START + 60.0,
    )


def run_with(fate: Fate | None, k: int) -> Simulation:
    """What happens if the k-th request meets this fate."""

    def force(number: int, process: Process, what: str) -> Fate | None:
        return fate if number == k and not process.name.startswith("fivetran") else Fate.FINE

    simulation = Simulation(thirty_nodes(Weather(force=force)))
    simulation.run()
    return simulation


def requests_of_a_calm_run() -> int:
    return run_with(None, 0).network.requests


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("fate", [Fate.KILLED_BEFORE, Fate.KILLED_UNDER_WAY, Fate.KILLED_AFTER])
def test_a_process_may_die_at_every_request(fate: Fate, part: int) -> None:
    for k in range(1 + part, requests_of_a_calm_run() + 1, PARTS):
        simulation = run_with(fate, k)
        found = violations(simulation)
        assert not found, f"killed at request {k}\n{report(simulation, found)}"
        [run] = simulation.world.runs.list_runs()
        assert run.status is RunStatus.SUCCESS, f"killed at request {k}: {run.status.value}, {run.error}"


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.ANSWER_LOST])
def test_every_request_may_get_no_answer(fate: Fate) -> None:
    for k in range(1, requests_of_a_calm_run() + 1, 4):
        simulation = run_with(fate, k)
        found = violations(simulation)
        assert not found, f"{fate.value} at request {k}\n{report(simulation, found)}"
        [run] = simulation.world.runs.list_runs()
        assert run.status is RunStatus.SUCCESS, (
            f"{fate.value} at request {k}: {run.status.value}, {run.error}"
        )
