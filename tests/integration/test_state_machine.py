"""The state machine's paths, executed: what it asks of functions and containers, and where each failure leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from headgate.domain.command import Command
from headgate.domain.job import Environment, RunnerSize
from headgate.domain.plan import Plan, PlannedNode
from headgate.usecases.plan_run import PlannedStep
from tests.integration.asl_interpreter import (
    Ended,
    Execution,
    World,
    environment_of,
    interpreter,
    runner_of,
)

PLAN = {
    "run_id": 12, "step": 1, "build": True, "runners": [1, 2], "cpu": "1024", "memory": "4096",
    "memory_steps": ["4096", "8192"], "spot": False,
}  # fmt: skip
LAST = {"run_id": 12, "step": 1, "status": "success", "next_step": None}

Run = Callable[[Any], Execution]


class PlanError(Exception):
    """Stands for the class of that name in the layer: only the name reaches the state machine."""


class UnavailableError(Exception):
    """As above."""


@pytest.fixture
def world() -> World:
    return World(replies={"plan-run": [PLAN], "finalize-run": [LAST]})


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    with interpreter(world, monkeypatch) as run_machine:
        yield run_machine


def test_a_step_is_planned_built_by_every_runner_and_recorded(world: World, run: Run) -> None:
    execution = run({"run_id": 12, "step": 1})
    assert execution.status == "SUCCEEDED"
    assert [state for state in execution.states if state != "RunRunner"] == [
        "PlanRun", "AnythingToBuild", "RunNodes", "FinalizeRun", "MoreSteps", "Done",
    ]  # fmt: skip
    assert world.payloads["plan-run"] == [{"run_id": 12, "step": 1}]
    assert sorted(runner_of(launch) for launch in world.launches) == ["1", "2"]
    assert world.payloads["finalize-run"] == [{"run_id": 12, "step": 1, "lost": []}]
    assert execution.output == LAST


def test_a_runner_gets_its_names_its_size_and_its_network(world: World, run: Run) -> None:
    run({"run_id": 12, "step": 1})
    launch = next(launch for launch in world.launches if runner_of(launch) == "2")
    assert environment_of(launch) == {"HEADGATE_RUN_ID": "12", "HEADGATE_STEP": "1", "HEADGATE_RUNNER": "2"}
    assert launch["Overrides"]["Cpu"] == "1024"
    assert launch["Overrides"]["Memory"] == "4096"
    assert launch["Overrides"]["ContainerOverrides"][0]["Name"] == "runner"
    assert launch["NetworkConfiguration"]["AwsvpcConfiguration"] == {
        "Subnets": ["subnet-1", "subnet-2"],
        "SecurityGroups": ["sg-1"],
        "AssignPublicIp": "DISABLED",
    }
    assert launch["CapacityProviderStrategy"] == [{"CapacityProvider": "FARGATE", "Weight": 1}]


def test_a_spot_environment_asks_for_spot(world: World, run: Run) -> None:
    world.replies["plan-run"] = [PLAN | {"spot": True, "runners": [1]}]
    run({"run_id": 12, "step": 1})
    assert [launch["CapacityProviderStrategy"][0]["CapacityProvider"] for launch in world.launches] == [
        "FARGATE_SPOT"
    ]


def test_with_nothing_to_build_no_container_starts(world: World, run: Run) -> None:
    world.replies["plan-run"] = [PLAN | {"build": False, "runners": []}]
    execution = run({"run_id": 12, "step": 1})
    assert execution.status == "SUCCEEDED"
    assert "RunNodes" not in execution.states
    assert world.launches == []
    assert world.payloads["finalize-run"] == [{"run_id": 12, "step": 1}]


def test_a_run_that_cannot_be_planned_is_recorded_with_the_reason(world: World, run: Run) -> None:
    world.replies["plan-run"] = [PlanError("tag:nope matches nothing")]
    world.replies["finalize-run"] = [LAST | {"status": "error"}]
    execution = run({"run_id": 12, "step": 1})
    assert execution.status == "SUCCEEDED"
    assert len(world.payloads["plan-run"]) == 1, "a plan that is wrong is wrong the second time too"
    assert world.launches == []
    (payload,) = world.payloads["finalize-run"]
    assert (payload["run_id"], payload["step"]) == (12, 1)
    assert payload["error"]["Error"] == "PlanError"
    assert "tag:nope matches nothing" in payload["error"]["Cause"]


def test_planning_is_repeated_when_a_service_did_not_answer(world: World, run: Run) -> None:
    world.replies["plan-run"] = [UnavailableError("DynamoDB throttles"), PLAN]
    assert run({"run_id": 12, "step": 1}).status == "SUCCEEDED"
    assert len(world.payloads["plan-run"]) == 2
    assert "error" not in world.payloads["finalize-run"][0]


def test_a_lost_runner_starts_again_and_its_neighbour_is_left_alone(world: World, run: Run) -> None:
    world.container = lambda arguments, attempt: Ended(
        1 if runner_of(arguments) == "1" and attempt == 0 else 0
    )
    execution = run({"run_id": 12, "step": 1})
    assert sorted(runner_of(launch) for launch in world.launches) == ["1", "1", "2"]
    assert "RunnerLost" not in execution.states
    assert execution.status == "SUCCEEDED"


def test_a_runner_that_is_lost_stops_neither_the_others_nor_the_record(world: World, run: Run) -> None:
    world.container = lambda arguments, _attempt: Ended(1 if runner_of(arguments) == "1" else 0)
    execution = run({"run_id": 12, "step": 1})
    assert [runner_of(launch) for launch in world.launches].count("2") == 1
    assert execution.states.count("RunnerLost") == 1
    # What the runners left in the table decides the run's status; the machine says who is gone, and why.
    (payload,) = world.payloads["finalize-run"]
    assert payload["lost"] == [{"runner": 1, "why": "Essential container in task exited, exit code 1"}]
    assert execution.status == "SUCCEEDED"


def test_a_run_that_repeats_another_may_begin_at_a_later_step(world: World, run: Run) -> None:
    world.replies["plan-run"] = [PLAN | {"step": 3}]
    run({"run_id": 12, "step": 3})
    assert world.payloads["plan-run"] == [{"run_id": 12, "step": 3}]
    assert {environment_of(launch)["HEADGATE_STEP"] for launch in world.launches} == {"3"}


def test_the_steps_of_a_run_follow_each_other(world: World, run: Run) -> None:
    world.replies["plan-run"] = [PLAN, PLAN | {"step": 2, "runners": [1]}]
    world.replies["finalize-run"] = [LAST | {"status": "running", "next_step": 2}, LAST | {"step": 2}]
    execution = run({"run_id": 12, "step": 1})
    assert world.payloads["plan-run"] == [{"run_id": 12, "step": 1}, {"run_id": 12, "step": 2}]
    assert world.payloads["finalize-run"] == [
        {"run_id": 12, "step": 1, "lost": []},
        {"run_id": 12, "step": 2, "lost": []},
    ]
    assert [environment_of(launch)["HEADGATE_STEP"] for launch in world.launches] == ["1", "1", "2"]
    assert execution.states.count("PlanRun") == 2
    assert execution.status == "SUCCEEDED"


def test_ten_thousand_nodes_cost_no_more_events_than_ten(world: World, run: Run) -> None:
    # Each runner is lost in every way, as often as the rules allow.
    ends = [Ended(143)] * 9 + [Ended(None, "TaskFailedToStart", "x" * 5000)] * 4 + [Ended(1)] * 3
    world.container = lambda _arguments, attempt: ends[attempt]
    histories = []
    for run_id, nodes in ((1, 10), (2, 10_000)):
        world.launches.clear()
        world.replies["plan-run"] = [planned(run_id, nodes, runners=4)]
        histories.append(run({"run_id": run_id, "step": 1}).history)
    small, large = histories
    assert len(world.launches) == 4 * len(ends)
    assert len(small) == len(large) < 1000
    texts = [text for event in large for text in _texts(event)]
    assert max(map(len, texts)) < 32 * 1024
    assert any("HEADGATE_RUNNER" in text for text in texts), "arguments are among them"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)


def planned(run_id: int, nodes: int, runners: int) -> dict[str, object]:
    """What plan_run answers for a plan of so many nodes."""
    found = tuple(
        PlannedNode(f"model.shop.m{number}", "model", "table", (), 1.0, 1.0) for number in range(nodes)
    )
    plan = Plan(run_id, 1, Command.parse("dbt build"), "b" * 64, "production", found, runners, 4)
    environment = Environment("production", "prod", "analytics", runners=RunnerSize(spot=True))
    return PlannedStep(plan, environment).to_state()


def test_a_failed_dbt_run_is_a_normal_end(world: World, run: Run) -> None:
    world.replies["finalize-run"] = [LAST | {"status": "error"}]
    execution = run({"run_id": 12, "step": 1})
    assert execution.status == "SUCCEEDED"
    assert execution.output["status"] == "error"


def test_the_machine_fails_only_when_the_end_could_not_be_recorded(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", _no_longer_than(0.05))
    world.replies["finalize-run"] = [UnavailableError("DynamoDB is away")]
    execution = run({"run_id": 12, "step": 1})
    assert execution.status == "FAILED"
    assert execution.error == "UnavailableError"
    assert len(world.payloads["finalize-run"]) == 7


def _no_longer_than(longest: float) -> Callable[[float], None]:
    """time.sleep, shortened: six doubling waits take a minute otherwise."""
    from time import sleep

    return lambda seconds: sleep(min(seconds, longest))
