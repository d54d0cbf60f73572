"""How a runner may end, and what the state machine does about each: the rules of JudgeTheEnd, executed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.integration.asl_interpreter import Ended, Execution, LaunchError, World, interpreter

PLAN = {
    "run_id": 12, "step": 1, "build": True, "runners": [1], "cpu": "1024", "memory": "4096",
    "memory_steps": ["4096", "8192", "16384"], "spot": False,
}  # fmt: skip
LAST = {"run_id": 12, "step": 1, "status": "success", "next_step": None}
WELL = Ended(0)
CRASH, LEASE_LOST = Ended(1), Ended(75)
OUT_OF_MEMORY = Ended(137, reason="OutOfMemoryError: Container killed due to memory usage")
KILLED = Ended(137)
RECLAIMED = Ended(143, "SpotInterruption", "Your Spot Task was interrupted.")
NO_IMAGE = Ended(None, "TaskFailedToStart", "CannotPullContainerError: manifest unknown")
STOPPED_BY_REAPER = Ended(143, "UserInitiated", "took no lease within 180 s")
NO_CAPACITY = LaunchError(
    "AmazonECS.Unknown",
    '{"Failures":[{"Reason":"Capacity is unavailable at this time. Please try again later"}],"Tasks":[]}',
)
QUOTA = LaunchError("ECS.ClientException", "You've reached the limit on the number of vCPUs")
THROTTLED = LaunchError("ECS.ThrottlingException", "Rate exceeded")
SERVER = LaunchError("ECS.ServerException", "Service Unavailable")
REFUSED = LaunchError("ECS.InvalidParameterException", "No Container Instances were found in your capacity")

End = Ended | LaunchError
Run = Callable[..., Execution]


@pytest.fixture
def world() -> World:
    return World(replies={"plan-run": [PLAN], "finalize-run": [LAST]})


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run one step whose only runner meets these ends, one after the other; the last one repeats."""
    with interpreter(world, monkeypatch) as run_machine:

        def run_with(*ends: End, **plan: Any) -> Execution:
            world.replies["plan-run"] = [PLAN | plan]
            world.container = lambda _arguments, attempt: _met(ends[min(attempt, len(ends) - 1)])
            return run_machine({"run_id": 12, "step": 1})

        yield run_with


def _met(end: End) -> Ended:
    if isinstance(end, LaunchError):
        raise end
    return end


def memory(world: World) -> list[str]:
    return [launch["Overrides"]["Memory"] for launch in world.launches]


def providers(world: World) -> list[str]:
    return [launch["CapacityProviderStrategy"][0]["CapacityProvider"] for launch in world.launches]


def lost(world: World) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = world.payloads["finalize-run"][0]["lost"]
    return found


@pytest.mark.parametrize("end", [OUT_OF_MEMORY, KILLED, Ended(1, reason="OutOfMemoryError: x")])
def test_out_of_memory_gets_the_next_larger_size(world: World, run: Run, end: Ended) -> None:
    run(end, end, WELL)
    assert memory(world) == ["4096", "8192", "16384"]
    assert lost(world) == []


def test_out_of_memory_in_the_largest_size_is_given_up_after_three(world: World, run: Run) -> None:
    run(OUT_OF_MEMORY)
    assert memory(world) == ["4096", "8192", "16384", "16384", "16384"]
    assert "OutOfMemoryError" in lost(world)[0]["why"]


def test_a_size_that_helped_is_kept(world: World, run: Run) -> None:
    run(OUT_OF_MEMORY, CRASH, RECLAIMED, WELL)
    assert memory(world) == ["4096", "8192", "8192", "8192"]


@pytest.mark.parametrize(
    "end", [RECLAIMED, Ended(143), Ended(0, "SpotInterruption"), Ended(137, "SpotInterruption")]
)
def test_spot_reclaims_do_not_count_and_lead_to_on_demand_from_the_third_on(
    world: World, run: Run, end: Ended
) -> None:
    run(end, end, end, CRASH, CRASH, WELL, spot=True)
    assert providers(world) == ["FARGATE_SPOT"] * 3 + ["FARGATE"] * 3
    assert memory(world) == ["4096"] * 6, "killed by the host is not out of memory"
    assert lost(world) == []


def test_what_is_reclaimed_for_ever_is_given_up(world: World, run: Run) -> None:
    run(RECLAIMED, spot=True)
    assert len(world.launches) == 10
    assert "interrupted" in lost(world)[0]["why"]


@pytest.mark.parametrize(
    ("end", "spot"),
    [
        (NO_CAPACITY, True),
        (NO_CAPACITY, False),
        (QUOTA, True),
        (THROTTLED, True),
        (SERVER, False),
        (REFUSED, False),
        (NO_IMAGE, False),
        (STOPPED_BY_REAPER, True),
    ],
    ids=["no Spot", "no capacity", "quota", "throttled", "server", "refused", "image", "no lease"],
)
def test_a_lost_start_is_repeated_then_made_elsewhere_then_given_up_with_its_cause(
    world: World, run: Run, end: End, spot: bool
) -> None:
    execution = run(end, spot=spot)
    own, other = ("FARGATE_SPOT", "FARGATE") if spot else ("FARGATE", "FARGATE_SPOT")
    assert providers(world) == [own] * 3 + [other] * 2
    assert execution.status == "SUCCEEDED"
    said = end.cause if isinstance(end, LaunchError) else end.stopped
    assert said in lost(world)[0]["why"]
    assert all(
        longest / 2 <= wait <= longest for longest, wait in zip([10, 20, 40, 80], world.waits, strict=True)
    ), world.waits


@pytest.mark.parametrize("end", [NO_CAPACITY, NO_IMAGE])
def test_a_start_that_succeeds_at_last_loses_nothing(world: World, run: Run, end: End) -> None:
    run(end, end, end, WELL)
    assert providers(world) == ["FARGATE"] * 3 + ["FARGATE_SPOT"]
    assert lost(world) == []


@pytest.mark.parametrize("end", [CRASH, Ended(139), LEASE_LOST])
def test_a_crash_is_repeated_twice(world: World, run: Run, end: Ended) -> None:
    run(end)
    assert len(world.launches) == 3
    assert f"exit code {end.code}" in lost(world)[0]["why"]


def test_losses_of_one_kind_do_not_use_up_those_of_another(world: World, run: Run) -> None:
    run(CRASH, NO_CAPACITY, NO_CAPACITY, CRASH, RECLAIMED, OUT_OF_MEMORY, WELL)
    assert lost(world) == []


def test_a_fault_of_the_machine_itself_is_not_repeated(world: World, run: Run) -> None:
    run(LaunchError("States.Permissions", "not authorized"))
    assert len(world.launches) == 1
    assert lost(world) == [{"runner": 1, "why": "States.Permissions: not authorized"}]


@pytest.mark.parametrize("cause", ["", "no JSON", '{"Containers":[{"ExitCode":', '"Reason":""'])
def test_a_cause_that_cannot_be_read_counts_as_a_crash(world: World, run: Run, cause: str) -> None:
    execution = run(LaunchError("States.TaskFailed", cause))
    assert len(world.launches) == 3
    assert lost(world)[0]["why"].startswith("States.TaskFailed")
    assert execution.status == "SUCCEEDED"


def test_a_long_cause_is_cut(world: World, run: Run) -> None:
    run(LaunchError("ECS.ServerException", "x" * 100_000))
    assert len(lost(world)[0]["why"]) == 300
