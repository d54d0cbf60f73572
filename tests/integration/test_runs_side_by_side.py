"""Runs of one environment that reach the same models, and what a run leaves to the next one; with dbt and Postgres."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from headgate.adapters.memory.build_states import MemoryBuildStates
from headgate.domain.build_state import BuildState
from headgate.domain.decision import Reason
from headgate.domain.instant import iso
from headgate.domain.job import Job, JobsFile, ReusePolicy
from headgate.domain.plan import Plan
from headgate.domain.queue import StepRecord, initial_records
from headgate.domain.run import Cause
from headgate.domain.sync import Sync
from headgate.usecases.plan_run import draft_plan
from tests.integration.runner_stage import Runner, Stage, stage, until

PROJECT = Path(__file__).parents[1] / "fixtures" / "naps"
DATABASE = "naps"
SLOW, NEXT, LAST, APART = (f"model.naps.{name}" for name in ("slow", "next", "last", "apart"))
POLICY = ReusePolicy(unchanged=True, look_every=0)
# Others take over after eight seconds without a sign of life.
SHORT = ",".join(
    [
        "headgate.usecases.keep_lease.LEASE_SECONDS=10",
        "headgate.usecases.keep_lease.FENCE_SECONDS=3",
        "headgate.domain.queue.FENCE_SECONDS=3",
        "headgate.usecases.watch_leases.LEASE_SECONDS=6",
        "headgate.usecases.watch_leases.MARGIN_SECONDS=2",
    ]
)


@dataclass
class Bedroom:
    """The project of naps, published, with an empty database and nothing remembered."""

    on: Stage
    postgres: Any
    started: list[Runner]

    def plan(self, runners: int = 1, policy: ReusePolicy = POLICY) -> Plan:
        """A new run, planned; its runners may start."""
        world = self.on.world
        job = Job(f"job-{len(world.runs.list_runs(1000))}", "production", ("dbt build",), reuse=policy)
        world.jobs.apply(JobsFile((self.on.environment,), (job,), ()))
        run, _ = world.runs.create_run(job, world.jobs.bundle_of("production"), Cause("cli", job.name))
        self.on.plan = plan = replace(draft_plan(run, 1, world), runners=runners)
        world.plans.put_plan(plan)
        world.queue.write(
            StepRecord(run.run_id, 1, len(plan.nodes), runners, iso(time.time())), initial_records(plan)
        )
        assert world.runs.take_slot(run)
        return plan

    def start(self, runner: int = 1, **variables: str) -> Runner:
        self.started.append(self.on.start(runner, **variables))
        return self.started[-1]

    def build(self, policy: ReusePolicy = POLICY) -> dict[str, str]:
        """A whole run with one runner; name -> status."""
        self.plan(policy=policy)
        runner = self.start(TEST_CONSTANTS=SHORT)
        assert runner.wait(120) == 0, runner.output + runner.errors
        return self.statuses()

    def statuses(self, run_id: int | None = None) -> dict[str, str]:
        key = (run_id or self.on.key[0], 1)
        found = self.on.world.queue.results(*key)
        return {one.unique_id.split(".")[2]: one.status.value for one in found}

    def naps(self, *rows: tuple[int, float]) -> None:
        """What the source holds: ids, and for how long building `slow` sleeps (seconds); synced just now."""
        values = ", ".join(f"({number}, {seconds})" for number, seconds in rows)
        self.postgres.query(DATABASE, f"truncate raw.naps; insert into raw.naps values {values}")  # noqa: S608
        now = time.time()
        self.on.world.freshness.record_sync(Sync("fivetran", "bedroom", "bedroom", f"sync-{now}", now))

    def state(self, unique_id: str) -> BuildState:
        return self.on.world.states.read("production", [unique_id])[unique_id]

    def is_asleep(self) -> bool:
        return (
            self.postgres.query(
                "postgres",
                "select 1 from pg_stat_activity where datname = 'naps' and state = 'active' "
                "and query like '%pg_sleep(seconds)%' and pid <> pg_backend_pid()",
            )
            != []
        )


@pytest.fixture(scope="module")
def published(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(postgres.database(DATABASE)) as on:
        on.publish(PROJECT, tmp_path_factory.mktemp("bundle"))
        yield on


@pytest.fixture
def bedroom(postgres: Any, published: Stage) -> Iterator[Bedroom]:
    postgres.database(DATABASE)
    postgres.query(DATABASE, "create schema raw; create table raw.naps (id int, seconds numeric)")
    published.world.states = MemoryBuildStates()
    made = Bedroom(published, postgres, [])
    made.naps((1, 0))
    yield made
    for runner in made.started:
        if runner.process.poll() is None:
            runner.process.kill()
            runner.wait()


def test_the_second_of_two_runs_waits_and_reuses_what_the_first_builds(bedroom: Bedroom) -> None:
    bedroom.naps((1, 20))
    first = bedroom.plan()
    one = bedroom.start()
    until(bedroom.is_asleep)
    second = bedroom.plan()
    assert second.nodes[second.positions[SLOW] - 1].is_built
    other = bedroom.start()
    assert one.wait(120) == other.wait(120) == 0, other.output + other.errors

    assert set(bedroom.statuses(first.run_id).values()) == {"success", "pass"}
    models = {name: status for name, status in bedroom.statuses().items() if name in ("slow", "next", "last")}
    assert models == dict.fromkeys(models, "reused")
    assert [bedroom.state(node).run_id for node in (SLOW, NEXT, LAST)] == [first.run_id] * 3
    said = [line for line in other.lines if line.get("node") == SLOW]
    assert any(f"waits for run {first.run_id}, which builds it" in str(line) for line in said), other.output
    assert bedroom.state(SLOW).pending == frozenset()


def test_what_a_killed_runner_was_building_is_built_by_the_next_run_and_nothing_else(
    bedroom: Bedroom,
) -> None:
    bedroom.build()
    bedroom.naps((1, 60))
    bedroom.plan()
    runner = bedroom.start(TEST_CONSTANTS=SHORT)
    until(bedroom.is_asleep)
    runner.process.kill()
    runner.wait()
    bedroom.postgres.query(DATABASE, "update raw.naps set seconds = 0")

    statuses = bedroom.build()
    reasons = {node.unique_id: node.decision.reason for node in bedroom.on.plan.nodes}  # type: ignore[union-attr]
    assert reasons[SLOW] is Reason.UNHEALTHY
    assert {name for name, status in statuses.items() if status == "reused"} == {"apart"}
    assert bedroom.state(SLOW).status == "success"
    assert set(bedroom.build().values()) == {"reused"}


def test_a_table_that_somebody_dropped_is_noticed_and_built_though_it_was_to_be_reused(
    bedroom: Bedroom,
) -> None:
    bedroom.build()
    bedroom.postgres.query(DATABASE, "drop table analytics.next cascade")
    statuses = bedroom.build()
    assert not any(node.is_built for node in bedroom.on.plan.nodes)  # type: ignore[union-attr]
    assert (statuses["slow"], statuses["apart"]) == ("reused", "reused")
    assert (statuses["next"], statuses["last"]) == ("success", "success")
    assert bedroom.postgres.query(DATABASE, "select count(*) from analytics.last") == [(1,)]
    assert "not reused: its relation is not there" in bedroom.started[-1].output
    assert set(bedroom.build().values()) == {"reused"}


def test_a_model_whose_test_failed_is_built_again(bedroom: Bedroom) -> None:
    bedroom.naps((1, 0), (1, 0))
    statuses = bedroom.build()
    assert "fail" in statuses.values()
    assert (len(bedroom.state(NEXT).failed), statuses["last"]) == (1, "skipped")
    bedroom.plan()
    plan = bedroom.on.plan
    assert plan is not None
    reasons = {node.unique_id: node.decision.reason for node in plan.nodes}
    assert (reasons[NEXT], reasons[SLOW]) == (Reason.UNHEALTHY, Reason.NO_NEW_DATA)


def test_a_runner_that_is_told_to_stop_leaves_nothing_that_could_be_reused(bedroom: Bedroom) -> None:
    bedroom.build()
    built = bedroom.state(SLOW)
    bedroom.naps((1, 60))
    bedroom.plan()
    runner = bedroom.start(HEADGATE_STOP_SECONDS="21")
    until(bedroom.is_asleep)
    runner.process.send_signal(signal.SIGTERM)
    assert runner.wait(60) == 143
    left = bedroom.state(SLOW)
    assert (left.version, left.holder, left.status) == (built.version, "", "error")
    assert "stopped" in left.message

    bedroom.postgres.query(DATABASE, "update raw.naps set seconds = 0")
    again = bedroom.start()
    assert again.wait(120) == 0, again.output + again.errors
    assert bedroom.statuses()["slow"] == "success"
    assert bedroom.state(SLOW).version == f"{bedroom.on.key[0]}.1.{left.fence + 1}"


def test_a_run_that_reuses_nothing_leaves_what_the_next_one_reuses(bedroom: Bedroom) -> None:
    assert "reused" not in bedroom.build(policy=ReusePolicy()).values()
    assert set(bedroom.build().values()) == {"reused"}
