"""A stage for real runner processes: their ports live in the test's process, where the test can look at them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.managers import BaseManager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.adapters.system_clock import SystemClock
from headgate.domain.instant import iso
from headgate.domain.job import Environment, Job, JobsFile, RunnerSize
from headgate.domain.plan import Plan
from headgate.domain.queue import NodeState, StepRecord, initial_records
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause
from headgate.usecases.finalize_run import FinalizeRun
from headgate.usecases.plan_run import draft_plan
from headgate.usecases.publish_bundle import publish_bundle
from headgate_cli.bundle.build import build_bundle, variables_of
from tests.integration.runner_process import KEY, PORTS

SCRIPT = Path(__file__).parent / "runner_process.py"
REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = [str(REPOSITORY / folder) for folder in ("", "layers/core", "runner", "cli")]


@dataclass
class Runner:
    """One runner's process."""

    process: subprocess.Popen[str]

    def wait(self, timeout: float = 60) -> int:
        """Its exit code; its output is in `lines` afterwards."""
        try:
            self.output, self.errors = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.output, self.errors = self.process.communicate()
            raise AssertionError(f"the runner hangs:\n{self.output[-4000:]}\n{self.errors[-4000:]}") from None
        return self.process.returncode

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]


@dataclass
class Stage:
    """One environment with one published project, and the runs of it."""

    world: MemoryWorld
    address: str
    environment: Environment
    variables: dict[str, str] = field(default_factory=dict)
    plan: Plan | None = None

    def publish(self, project: Path, scratch: Path) -> None:
        variables = variables_of([], "production")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.variables.items():
                patch.setenv(name, value)
            bundle = build_bundle(
                project, self.environment, variables, scratch=scratch, cache=scratch / "cache"
            )
        publish_bundle(bundle, "production", bundles=self.world.bundles, jobs=self.world.jobs)

    def begin(
        self, command: str = "dbt build", runners: int = 2, retry_of: int | None = None, **changes: Any
    ) -> Plan:
        """A new run, planned; `runners` and further fields overrule what the planner thinks useful."""
        world = self.world
        # A job of its own: runs of earlier tests may not have ended.
        job = Job(f"job-{len(world.runs.list_runs(1000))}", "production", (command,))
        run, _ = world.runs.create_run(
            job, world.jobs.bundle_of("production"), Cause("cli", job.name), retry_of=retry_of
        )
        planned = draft_plan(run, 1, world)
        self.plan = replace(planned, runners=runners, **changes)
        world.plans.put_plan(self.plan)
        world.queue.write(
            StepRecord(run.run_id, 1, len(self.plan.nodes), runners, iso(time.time())),
            initial_records(self.plan),
        )
        assert world.runs.take_slot(run)
        return self.plan

    def start(self, runner: int, twist: str = "", **variables: str) -> Runner:
        assert self.plan is not None
        numbers = {"RUN_ID": self.plan.run_id, "STEP": self.plan.step, "RUNNER": runner}
        own = {f"HEADGATE_{name}": str(number) for name, number in numbers.items()}
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), self.address, twist],
            env={**kept, "PYTHONPATH": os.pathsep.join(SOURCES), **self.variables, **own, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return Runner(process)

    def build(
        self,
        command: str = "dbt build",
        twists: tuple[str, ...] = ("", ""),
        retry_of: int | None = None,
        **variables: str,
    ) -> list[Runner]:
        """A whole run with one runner for each twist (runner_process.py); they must end by themselves."""
        self.begin(command, len(twists), retry_of)
        started = [self.start(number, twist, **variables) for number, twist in enumerate(twists, 1)]
        codes = [runner.wait() for runner in started]
        assert codes == [0] * len(started), "\n".join(runner.output + runner.errors for runner in started)
        return started

    @property
    def key(self) -> tuple[int, int]:
        assert self.plan is not None
        return self.plan.run_id, self.plan.step

    @property
    def results(self) -> list[NodeResult]:
        return self.world.queue.results(*self.key)

    @property
    def statuses(self) -> dict[str, str]:
        return {result.unique_id: str(result.status.value) for result in self.results}

    @property
    def unfinished(self) -> set[str]:
        return {
            node.unique_id
            for node in self.world.queue.nodes(*self.key)
            if node.state not in (NodeState.DONE, NodeState.ATTACHED)
        }

    @property
    def halted(self) -> str | None:
        step = self.world.queue.step(*self.key)
        return step.halted if step else None

    def state_of(self, unique_id: str) -> NodeState:
        return next(n.state for n in self.world.queue.nodes(*self.key) if n.unique_id == unique_id)

    def run_results(self) -> dict[str, Any]:
        """The step's merged run_results.json, made by the use case that makes it in production."""
        world = self.world
        FinalizeRun.of(world, "http://127.0.0.1")(*self.key)
        merged: dict[str, Any] = json.loads(world.artifacts.get(*self.key, "run_results.json"))
        return merged


def until(what: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for something that runners do on the warehouse."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


@contextmanager
def stage(variables: Mapping[str, str], environment: Environment | None = None) -> Iterator[Stage]:
    """A world whose ports are served to runner processes until the end of the block."""
    world = MemoryWorld(clock=SystemClock())  # type: ignore[arg-type]
    environment = environment or Environment("production", "prod", "analytics", 4, RunnerSize(max=4))
    world.jobs.apply(JobsFile((environment,), (), ()))

    class Server(BaseManager):
        pass

    for port in PORTS:
        Server.register(port, callable=lambda port=port: getattr(world, port))
    with tempfile.TemporaryDirectory(prefix="hg-stage-") as folder:
        address = f"{folder}/ports"
        server = Server(address, authkey=KEY).get_server()
        server.stop_event = Event()  # type: ignore[attr-defined]
        Thread(target=server.accepter, daemon=True).start()  # type: ignore[attr-defined]
        try:
            yield Stage(world, address, environment, dict(variables))
        finally:
            # The listener's own finalizer would look for its socket when the folder is gone.
            server.listener._listener._unlink.cancel()  # type: ignore[attr-defined]
