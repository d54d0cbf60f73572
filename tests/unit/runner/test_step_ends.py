"""A step of a run that is not to run any more is not opened: no schema, no hook."""

from types import SimpleNamespace
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.job import Environment, Job, JobsFile, RunnerSize
from headgate.domain.plan import OPENING
from headgate.domain.queue import Claim
from headgate.domain.run import Cause, RunStatus
from headgate.errors import RunEndedError
from headgate_runner import step_ends
from headgate_runner.log_stream import LogStream
from headgate_runner.step_ends import StepEnds


@pytest.fixture
def world() -> MemoryWorld:
    world = MemoryWorld()
    world.jobs.apply(
        JobsFile((Environment("production", "prod", "analytics", 4, RunnerSize(max=4)),), (), ())
    )
    return world


@pytest.fixture
def run_id(world: MemoryWorld) -> int:
    run, _ = world.runs.create_run(
        Job("nightly", "production", ("dbt build",)), "digest", Cause("cli", "nightly")
    )
    world.runs.move(run.run_id, RunStatus.STARTING)
    return run.run_id


class Opening:
    """As much of dbt's side as the opening needs."""

    def __init__(self, world: MemoryWorld, run_id: int) -> None:
        plan = SimpleNamespace(run_id=run_id, step=1, reuse=False)
        log = SimpleNamespace(timed=lambda what: LogStream.timed(self, what), write=lambda *_: None)
        self.share = SimpleNamespace(world=world, plan=plan, log=log, settings=SimpleNamespace(runner=1))
        self.job_queue = self
        self.node_results: list[Any] = []
        self.phase, self.did = "", list[str]()

    def look(self) -> Claim:
        return Claim(OPENING, skip=False, attempt=1)

    def take(self) -> None:
        self.did.append("take")

    def finish(self, *_: Any) -> None:
        self.did.append("finish")

    def mark_done(self, _: str) -> None:
        self.did.append("done")

    def write(self, *_: Any) -> None: ...

    def begin(self) -> None:
        def before_run(_adapter: Any, _selected: Any) -> str:
            self.did.append("hooks")
            return "success"

        StepEnds(self).begin(None, set(), before_run)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        step_ends, "get_flags", lambda: SimpleNamespace(skip_nodes_if_on_run_start_fails=False)
    )


def test_the_first_step_opens_and_says_that_the_run_runs(world: MemoryWorld, run_id: int) -> None:
    opening = Opening(world, run_id)
    opening.begin()
    assert opening.did == ["take", "hooks", "finish", "done"]
    assert world.runs.get_run(run_id).status is RunStatus.RUNNING


def test_a_later_step_opens_while_the_run_runs(world: MemoryWorld, run_id: int) -> None:
    world.runs.move(run_id, RunStatus.RUNNING)
    opening = Opening(world, run_id)
    opening.begin()
    assert "hooks" in opening.did


@pytest.mark.parametrize("status", [RunStatus.CANCELLED, RunStatus.ERROR])
def test_a_run_that_has_ended_runs_no_hook(world: MemoryWorld, run_id: int, status: RunStatus) -> None:
    world.runs.move(run_id, status)
    opening = Opening(world, run_id)
    with pytest.raises(RunEndedError, match=f"the run is already {status.value}"):
        opening.begin()
    assert opening.did == ["take"]


def test_a_run_that_somebody_asked_to_stop_runs_no_hook(world: MemoryWorld, run_id: int) -> None:
    world.runs.request_cancel(run_id, "by hand")
    opening = Opening(world, run_id)
    with pytest.raises(RunEndedError, match="the run is cancelled: by hand"):
        opening.begin()
    assert opening.did == ["take"]
