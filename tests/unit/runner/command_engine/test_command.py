"""A step that is one command begins like any other: the run is running, or is not to run any more."""

from types import SimpleNamespace
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.job import Job
from headgate.domain.plan import COMMAND
from headgate.domain.queue import Claim
from headgate.domain.run import Cause, RunStatus
from headgate.errors import RunEndedError
from headgate.usecases.run_nodes import Over
from headgate_runner.command_engine import command, run_command


@pytest.fixture
def world() -> MemoryWorld:
    world = MemoryWorld()
    run, _ = world.runs.create_run(Job("nightly", "production", ("dbt deps",)), "digest", Cause("cli", "k"))
    world.runs.move(run.run_id, RunStatus.STARTING)
    return world


@pytest.fixture
def share(world: MemoryWorld) -> Any:
    found = iter([Claim(COMMAND, skip=False, attempt=1), Over()])
    return SimpleNamespace(
        world=world,
        plan=SimpleNamespace(run_id=1),
        session=SimpleNamespace(next=lambda: next(found)),
        supervision=SimpleNamespace(attach=lambda _: None),
    )


@pytest.fixture
def seen(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> list[RunStatus]:
    """How the run was when dbt was called."""
    seen: list[RunStatus] = []
    turn = SimpleNamespace(stopped=False, run=lambda _: seen.append(world.runs.get_run(1).status))
    monkeypatch.setattr(command, "CommandTurn", lambda *_: turn)
    return seen


def test_the_run_is_running_before_dbt_is_called(share: Any, seen: list[RunStatus]) -> None:
    run_command(share, None, None)  # type: ignore[arg-type]
    assert seen == [RunStatus.RUNNING]


def test_of_a_run_that_somebody_asked_to_stop_dbt_is_not_called(
    world: MemoryWorld, share: Any, seen: list[RunStatus]
) -> None:
    world.runs.request_cancel(1, "by ana")
    with pytest.raises(RunEndedError, match="cancelled: by ana"):
        run_command(share, None, None)  # type: ignore[arg-type]
    assert seen == []
