"""A world in memory for the command line, and a run in it that goes on whenever somebody waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headgate.adapters.jobs_file import read_jobs_file
from headgate.adapters.memory.clock import MemoryClock
from headgate.adapters.memory.world import MemoryWorld
from headgate.domain.command import Command
from headgate.domain.plan import CLOSING, OPENING, Plan, PlannedNode
from headgate.domain.queue import StepRecord, initial_records
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause, Run, RunStatus
from headgate.settings import Settings
from headgate.usecases.run_nodes import QueueSession
from headgate.usecases.start_job import start_job
from headgate_cli.app import app

JOBS = """\
version: 1
environments:
  production: {target: prod, schema: analytics}
jobs:
  finance:
    environment: production
    when:
      fivetran: {connectors: [stripe]}
    run:
      - dbt build --select tag:finance+
  nightly:
    environment: production
    owner: data@example.com
    when:
      schedule: {cron: "0 6 * * 1-5", timezone: Europe/Berlin}
    run:
      - dbt build --select tag:finance
      - dbt build --exclude tag:finance
alerts:
  - match: {tag: finance}
    send: [{slack: "#finance-data"}]
"""
BUNDLE = "ab" * 32


class PlayingClock(MemoryClock):
    """Each wait lets one more thing happen. Waiting when nothing can happen any more is a hang: it fails."""

    def __init__(self) -> None:
        super().__init__()
        self.script: Iterator[Any] = iter(())

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        try:
            next(self.script)
        except StopIteration:
            raise AssertionError("waits for something that will never happen") from None


@dataclass
class CommandWorld(MemoryWorld):
    """MemoryWorld with the settings that some commands ask."""

    settings: Settings = field(
        default_factory=lambda: Settings({"HEADGATE_CONSOLE_URL": "http://127.0.0.1:8080"})
    )


@pytest.fixture
def jobs_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """headgate.yml in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "headgate.yml"
    path.write_text(JOBS)
    return path


@pytest.fixture
def clock() -> PlayingClock:
    return PlayingClock()


@pytest.fixture
def world(jobs_file: Path, clock: PlayingClock) -> CommandWorld:
    """Jobs are applied and a bundle is published."""
    made = CommandWorld(clock=clock)
    made.jobs.apply(read_jobs_file(jobs_file))
    made.jobs.point_at("production", BUNDLE)
    return made


Headgate = Callable[..., Any]


@pytest.fixture
def headgate(world: CommandWorld, monkeypatch: pytest.MonkeyPatch) -> Headgate:
    """`headgate("runs", "list")` runs the command in this world."""
    for name in ("NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "HEADGATE_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, list(arguments), obj=world, catch_exceptions=False)

    return run


@pytest.fixture
def asked(headgate: Headgate) -> Callable[..., dict[str, Any]]:
    """The object that `--json` prints."""

    def run(*arguments: str) -> dict[str, Any]:
        result = headgate(*arguments, "--json")
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        assert found["schema_version"] == 1
        return found

    return run


def planned(unique_id: str, *parents: str, priority: float) -> PlannedNode:
    kind = unique_id.partition(".")[0]
    return PlannedNode(unique_id, kind, "table" if kind == "model" else kind, parents, 1.0, priority)


NODES = (
    planned("model.shop.stg_payments", priority=9.0),
    planned("test.shop.not_null_stg_payments_id.0123456789", "model.shop.stg_payments", priority=5.0),
    planned("model.shop.fct_orders", "model.shop.stg_payments", priority=4.0),
    planned("model.shop.fct_revenue", "model.shop.fct_orders", priority=2.0),
    planned("test.shop.unique_fct_revenue_day.9876543210", "model.shop.fct_revenue", priority=1.0),
)
BROKEN = {
    "model.shop.fct_orders": (
        "error",
        'Database Error in model fct_orders (models/fct_orders.sql)\n  column "amount" does not exist\n  LINE 4',
    )
}


class Play:
    """A run as the state machine and its runners would drive it."""

    def __init__(self, world: CommandWorld, run: Run) -> None:
        self.world, self.run = world, run

    def plan(self, step: int = 1, nodes: tuple[PlannedNode, ...] = NODES, runners: int = 2) -> Plan:
        command = Command.parse(self.run.steps[step - 1])
        plan = Plan(self.run.run_id, step, command, BUNDLE, "production", nodes, runners, threads=4)
        self.world.plans.put_plan(plan)
        self.world.queue.write(
            StepRecord(plan.run_id, step, len(plan.nodes), plan.runners, "2026-01-01T00:00:00.000+00:00"),
            initial_records(plan),
        )
        return plan

    def build(
        self,
        plan: Plan,
        outcomes: dict[str, tuple[str, str]] | None = None,
        results: dict[str, None] | None = None,
    ) -> Iterator[None]:
        """Every node, one at a time, by its runners in turn. `results`: nodes that end without one."""
        queue, clock = self.world.queue, self.world.clock
        sessions = [QueueSession(queue, clock, plan, runner) for runner in range(1, plan.runners + 1)]
        for session in sessions:
            session.begin()
        turn = 0
        while True:
            runner = turn % plan.runners + 1
            claim = sessions[runner - 1].next()
            turn += 1
            unique_id = getattr(claim, "unique_id", None)
            if unique_id is None:
                return
            status, message = (outcomes or {}).get(unique_id, ("success", "SELECT 1"))
            if unique_id.startswith("test."):
                status = (outcomes or {}).get(unique_id, ("pass", ""))[0]
            if claim.skip:  # type: ignore[union-attr]
                status, message = "skipped", ""
            yield
            clock.advance(1.0)
            entry = {"unique_id": unique_id, "status": status, "execution_time": 0.25, "message": message}
            own = unique_id in (OPENING, CLOSING, *(results or {}))
            sessions[runner - 1].finish(unique_id, None if own else NodeResult.from_entry(entry, runner))

    def move(self, status: RunStatus, **changes: object) -> None:
        if status is RunStatus.STARTING:
            assert self.world.runs.take_slot(self.run)
        else:
            assert self.world.runs.move(self.run.run_id, status, **changes)

    def whole(
        self,
        outcomes: dict[str, tuple[str, str]] | None = None,
        steps: int = 1,
        results: dict[str, None] | None = None,
    ) -> Iterator[None]:
        """From the queue to the end."""
        yield
        self.move(RunStatus.STARTING)
        yield
        for step in range(1, steps + 1):
            plan = self.plan(step)
            if step == 1:
                self.move(RunStatus.RUNNING)
            yield from self.build(plan, outcomes, results)
        if outcomes:
            self.move(RunStatus.ERROR, error="model.shop.fct_orders: column does not exist")
        else:
            self.move(RunStatus.SUCCESS)
        yield


@pytest.fixture
def playing(world: CommandWorld) -> Callable[[Run], Play]:
    """Drives a run that exists."""
    return lambda run: Play(world, run)


@pytest.fixture
def play(world: CommandWorld) -> Callable[..., Play]:
    """Makes a run of a job, still queued, and drives it."""

    def make(job: str = "finance") -> Play:
        cause = Cause("fivetran", f"test-{job}", "connector stripe, sync 1")
        run = start_job(world.jobs.job(job), cause, jobs=world.jobs, runs=world.runs, bus=world.bus)
        return Play(world, run)

    return make


@pytest.fixture
def broken() -> dict[str, tuple[str, str]]:
    """One model fails, with a message as dbt words it."""
    return dict(BROKEN)
