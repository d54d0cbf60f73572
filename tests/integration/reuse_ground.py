"""What the tests of reuse change: a project that one real run has built, with all that is remembered of it.

Each test gets the same database, states and syncs, changes something, and asks for the next plan (or lets a runner
build it). What had to be built is measured by plain dbt (rebuilt.py), not taken from any rule.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from headgate.adapters.memory.build_states import MemoryBuildStates
from headgate.adapters.memory.freshness import MemoryFreshness
from headgate.adapters.system_clock import SystemClock
from headgate.domain.build_state import BuildState
from headgate.domain.decision import Reason
from headgate.domain.job import Environment, Job, JobsFile, ReusePolicy, RunnerSize
from headgate.domain.plan import Plan
from headgate.domain.run import Cause, Run
from headgate.domain.sync import Sync
from headgate.usecases.plan_run import draft_plan, plan_run
from headgate_cli.bundle.dbt_parse import Parse
from tests.conftest import Postgres
from tests.integration.rebuilt import Contents, PlainDbt, contents, copy, plain_dbt
from tests.integration.runner_stage import Stage, stage

PROJECT = Path(__file__).parents[1] / "fixtures" / "reuse"
DATABASE, TEMPLATE = "reuse", "reuse_before"
RAW = """
create schema raw; create schema billing;
create table raw.orders (order_id int, customer_id int, amount numeric);
insert into raw.orders values (1, 1, 10.55), (2, 1, 0.50), (3, 2, 7.25);
create table raw.customers (customer_id int, region text);
insert into raw.customers values (1, 'north'), (2, 'south');
create table raw.targets (region text, target int);
create table billing.payments (payment_id int, order_id int, paid numeric);
insert into billing.payments values (1, 1, 4.15), (2, 3, 7.25);
"""
# Longer than any test turns the clock forward.
SILENT_AFTER = 90 * 86_400.0
POLICY = ReusePolicy(unchanged=True, silent_after=SILENT_AFTER)
# What a rule builds whatever is there: rows 5 and 9 of the decision table.
BY_RULE = frozenset({Reason.VOLATILE, Reason.UNKNOWN_SOURCE})


@dataclass(frozen=True)
class Outcome:
    """One change's. needed: what plain dbt left different. built, reused: unique_id -> reason, of the plan."""

    needed: frozenset[str]
    built: Mapping[str, Reason]
    reused: Mapping[str, Reason]

    @property
    def by_rule(self) -> set[str]:
        """Built in every run, whatever is there."""
        return {node for node, reason in self.built.items() if reason in BY_RULE}

    @property
    def false_reuses(self) -> set[str]:
        """Needed and not built, unless the model's own window says that it may wait."""
        return {
            node for node in self.needed & self.reused.keys() if self.reused[node] != Reason.INSIDE_WINDOW
        }

    @property
    def false_builds(self) -> set[str]:
        """Built, though it came out the same; without what a rule builds in every run."""
        return set(self.built.keys() - self.needed - self.by_rule)

    @property
    def reasons(self) -> dict[str, str]:
        """Name -> reason code."""
        return {short(node): reason.value for node, reason in {**self.built, **self.reused}.items()}


@dataclass
class Ground:
    """The project as it stands, and the world around it."""

    on: Stage
    postgres: Postgres
    project: Path
    target: Path
    plain: PlainDbt
    before: Contents = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    states: Mapping[str, BuildState] = field(default_factory=dict)
    syncs: Mapping[str, Sync] = field(default_factory=dict)
    bundle: str = ""
    edited: bool = False

    def plan(self, policy: ReusePolicy = POLICY, command: str = "dbt build") -> Plan:
        """What a run would do now."""
        return draft_plan(self.run_of(policy, command), 1, self.on.world)

    def run_of(self, policy: ReusePolicy = POLICY, command: str = "dbt build") -> Run:
        world = self.on.world
        # A job of its own: runs of earlier tests may not have ended.
        job = Job(f"job-{len(world.runs.list_runs(1000))}", "production", (command,), reuse=policy)
        world.jobs.apply(JobsFile((self.on.environment,), (job,), ()))
        run, _ = world.runs.create_run(job, world.jobs.bundle_of("production"), Cause("cli", job.name))
        return run

    def begin(self, policy: ReusePolicy = POLICY, command: str = "dbt build") -> Plan:
        """A new run, planned, its queue written; runners may start."""
        run = self.run_of(policy, command)
        self.on.plan = plan_run(run.run_id, 1, self.on.world).plan
        assert self.on.world.runs.take_slot(run)
        return self.on.plan

    def build(self, policy: ReusePolicy = POLICY, command: str = "dbt build") -> dict[str, str]:
        """A whole run with as many runners as it wants; name -> status."""
        plan = self.begin(policy, command)
        runners = [self.on.start(number) for number in range(1, plan.runners + 1)]
        for runner in runners:
            assert runner.wait() == 0, runner.output + runner.errors
        return {short(unique_id): status for unique_id, status in self.on.statuses.items()}

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return self.postgres.query(DATABASE, statement)

    def sync(self, connector: str, number: int, at: float | None = None) -> None:
        """A sync of a connector ended. Its id differs from its name, as with Fivetran's connectors."""
        ended = Sync("fivetran", f"id_{connector}", connector, f"sync-{number}", at or time.time())
        self.on.world.freshness.record_sync(ended)

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a file at the one place where it says `old`; with nothing to look for, write it anew."""
        self.edited, file = True, self.project / path
        text = file.read_text() if old else ""
        assert not old or text.count(old) == 1, f"{path} does not say {old!r} exactly once"
        file.write_text(text.replace(old, new) if old else new)

    def rebuild(self) -> frozenset[str]:
        """What a whole build by plain dbt leaves different: relations, and tests that read them or end otherwise."""
        results = ends(self.plain("build"))
        now, parents = contents(self.postgres, DATABASE), {}
        changed = set()
        for node in self._manifest()["nodes"].values():
            name = f"{node['schema']}.{node['alias']}"
            parents[node["unique_id"]] = set(node["depends_on"].get("nodes", ()))
            if node["resource_type"] != "test" and now.get(name) != self.before.get(name):
                changed.add(node["unique_id"])
        tests = {node for node in results if node.startswith("test.")}
        changed |= {node for node in tests if results[node] != self.results.get(node)}
        return frozenset(changed | {node for node in tests if parents[node] & changed})

    def stale(self) -> set[str]:
        """The relations that a whole build by plain dbt would change now, but for the one that always differs."""
        self.before = contents(self.postgres, DATABASE)
        return {short(node) for node in self.rebuild() if not node.startswith("test.")} - {"stamped"}

    def parse(self) -> None:
        self.plain("parse")

    def publish(self) -> None:
        """Make a bundle of what plain dbt parsed last."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("headgate_cli.bundle.build.parse_project", self._parsed)
            self.on.publish(self.project, Path(tempfile.mkdtemp(dir=self.target.parent)))

    def _parsed(
        self, _project: Any, _target: str, _vars: str, _secrets: Any, scratch: Path, *_: Any
    ) -> Parse:
        scratch.mkdir(parents=True)
        return Parse(self.target / "manifest.json", self.target / "partial_parse.msgpack", "")

    def measure(self) -> Outcome:
        """What has to be built after what was changed, and what the next run would build."""
        needed = self.rebuild()
        self.publish()
        return self.outcome(needed, self.plan())

    def outcome(self, needed: frozenset[str], plan: Plan) -> Outcome:
        # Ephemeral models are text in somebody else's query: building one costs nothing.
        nodes = [node for node in plan.nodes if node.materialized != "ephemeral"]
        built = {node.unique_id: node.decision.reason for node in nodes if node.is_built}
        reused = {node.unique_id: node.decision.reason for node in nodes if not node.is_built}
        # Postgres drops a view together with the table that it reads, so it has to come back with it.
        gone = {
            node.unique_id for node in nodes if node.materialized == "view" and built.keys() & set(node.sees)
        }
        return Outcome((needed | gone) & (built.keys() | reused.keys()), built, reused)

    def remember(self) -> None:
        """What is there now is what every test begins with."""
        world = self.on.world
        copy(self.postgres, DATABASE, TEMPLATE)
        self.before = contents(self.postgres, DATABASE)
        self.states = world.states.read("production", self._manifest()["nodes"])
        self.syncs = world.freshness.syncs()
        self.bundle = world.jobs.bundle_of("production")

    def return_(self) -> None:
        """Everything as it was remembered: files, database, states, syncs, clock."""
        if self.edited:
            # dbt may go on from what it parsed before with a test that is no longer there.
            (self.target / "partial_parse.msgpack").unlink(missing_ok=True)
            shutil.rmtree(self.project)
            shutil.copytree(PROJECT, self.project)
            self.edited = False
        copy(self.postgres, TEMPLATE, DATABASE)
        world = self.on.world
        world.jobs.point_at("production", self.bundle)
        world.states, world.freshness, world.clock = MemoryBuildStates(), MemoryFreshness(), SystemClock()
        world.states.record_look("production", time.time())
        for state in self.states.values():
            world.states.record("production", state)
        for sync in self.syncs.values():
            world.freshness.record_sync(sync)

    def _manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.target / "manifest.json").read_text())
        return found


def ends(results: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """unique_id -> how it ended, where that says something about the data."""
    return {r["unique_id"]: (r["status"], r["failures"], r["compiled_code"]) for r in results}


def short(unique_id: str) -> str:
    """`model.reuse.orders` as people call it; unit tests by their own name."""
    parts = unique_id.split(".")
    return parts[3 if parts[0] == "unit_test" else 2]


@contextmanager
def ground(postgres: Postgres, home: Path) -> Iterator[Ground]:
    """The project, built once by a runner of our own after both connectors have synced."""
    variables = postgres.database(DATABASE)
    postgres.query(DATABASE, RAW)
    project, target = home / "project", home / "target"
    shutil.copytree(PROJECT, project)
    environment = Environment("production", "prod", "analytics", 4, RunnerSize(max=1))
    with stage(variables, environment) as on, plain_dbt(project, target, variables) as plain:
        made = Ground(on, postgres, project, target, plain)
        made.parse()
        made.publish()
        made.sync("storefront", 1)
        made.sync("billing.payments", 1)
        made.build()
        made.remember()
        made.results = ends(plain("build"))
        yield made
