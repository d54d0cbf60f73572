"""A project that dbt has parsed and answers questions about, beside our index of the same manifest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx

from headgate.domain.command import Command
from headgate.domain.index import Index
from headgate.domain.job import Environment, RunnerSize
from headgate.domain.manifest import read_manifest
from headgate.domain.plan import Plan
from headgate.domain.plan_step import plan_step

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECTS = {"shop": REPOSITORY / "examples/shop", "kinds": REPOSITORY / "tests/fixtures/kinds"}
ENVIRONMENT = Environment("production", "prod", "analytics", threads=4, runners=RunnerSize(max=4))
EVERYTHING = Command("build")


class Oracle:
    """One dbt process that answers queries about one project."""

    def __init__(self, verb: str, project: Path, target: Path) -> None:
        script = Path(__file__).parent / "dbt_oracle.py"
        self._log = (target.parent / f"{verb}.log").open("w+")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "SHOP_"))}
        self._process = subprocess.Popen(
            [sys.executable, str(script), verb, str(project), str(target)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=kept,
            text=True,
        )

    def queue(self, command: Command) -> dict[str, Any]:
        """What dbt would hand out for this command; of the one that lists: what it would list."""
        return self._ask(
            {
                "verb": command.verb,
                "select": command.select,
                "exclude": command.exclude,
                "indirect": command.indirect or "eager",
                "types": command.resource_types,
                "without": command.exclude_resource_types,
            }
        )

    def retry(self, run_results: Mapping[str, Any]) -> dict[str, Any]:
        """What `dbt retry` would hand out after these results."""
        return self._ask({"retry": run_results})

    def _ask(self, query: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(query), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise AssertionError(f"dbt ended early: {self._log.read()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        assert "error" not in answer, answer
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=60)
        self._log.close()


@dataclass(repr=False)
class Project:
    """A parsed project: our index of it, and dbt's two answers."""

    index: Index
    build: Oracle
    ls: Oracle

    def plan(self, command: Command, only: set[str] | None = None) -> Plan:
        return plan_step(
            self.index,
            command,
            run_id=1,
            step=1,
            bundle="b",
            environment=ENVIRONMENT,
            predictions={},
            only=only,
        )


@contextmanager
def parsed(name: str, home: Path) -> Iterator[Project]:
    """One of `PROJECTS`, parsed in the folder `home`."""
    source, target = home / "project", home / "target"
    shutil.copytree(PROJECTS[name], source, ignore=shutil.ignore_patterns("target", "logs", ".user.yml"))
    build = Oracle("build", source, target)
    build.queue(EVERYTHING)  # so that the manifest is written
    listing = Oracle("ls", source, target)
    index = read_manifest((target / "manifest.json").read_bytes())
    yield Project(index, build, listing)
    build.close()
    listing.close()


def assert_same_order(plan: Plan, nodes: list[str], edges: list[list[str]]) -> None:
    """The plan has exactly these nodes, and waits for the same others with no wait that follows from another."""
    assert sorted(node.unique_id for node in plan.nodes) == nodes
    queue: networkx.DiGraph[str] = networkx.DiGraph()
    queue.add_nodes_from(nodes)
    queue.add_edges_from((parent, child) for parent, child in edges)
    # Same reachability and nothing superfluous: the transitive reduction of a graph is unique.
    waits = {(parent, node.unique_id) for node in plan.nodes for parent in node.parents}
    assert waits == set(networkx.transitive_reduction(queue).edges)
    assert all(plan.positions[parent] < plan.positions[node] for parent, node in waits)
