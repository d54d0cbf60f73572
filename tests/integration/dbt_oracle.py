"""dbt itself as an oracle: what would it list, queue, or retry? A script, run as its own process.

    python dbt_oracle.py ls|build PROJECT TARGET

It starts dbt once, replaces the task's `run` by a loop, and answers each line of its input, a JSON object, by a JSON
line, {"error"} where dbt itself fails. Nothing connects to a database; the manifest is left in the folder TARGET.

    {"select", "exclude", "indirect"}           to `ls`: {"nodes"}
    {…, "verb", "types", "without"}             to `build`: {"nodes", "edges", "unit_tests", "selected"}
    {"retry": run_results.json as an object}    to `build`: {"nodes", "edges"} of `dbt retry`
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import dbt.task.retry
from dbt.cli.main import dbtRunner
from dbt.flags import get_flags, set_flags
from dbt.graph import NodeSelector
from dbt.graph.cli import parse_difference
from dbt.task.build import BuildTask
from dbt.task.list import ListTask
from dbt.task.retry import RetryTask
from dbt.task.run import RunTask
from dbt.task.seed import SeedTask
from dbt.task.snapshot import SnapshotTask
from dbt.task.test import TestTask
from dbt_common.events.contextvars import task_contextvars
from dbt_common.exceptions import DbtBaseException

ANSWERS = sys.stdout
TASKS: dict[str, Any] = {
    "build": BuildTask,
    "run": RunTask,
    "test": TestTask,
    "seed": SeedTask,
    "snapshot": SnapshotTask,
}


class Oracle:
    """Answers from the tasks that dbt would run, made of the first one's project and manifest."""

    def __init__(self, task: Any) -> None:
        self._first = task
        self._tasks: dict[str, Any] = {}

    def answer(self, query: dict[str, Any]) -> dict[str, Any]:
        if "retry" in query:
            return self._retry(query["retry"])
        # Kept in every criterion of the spec.
        object.__setattr__(get_flags(), "INDIRECT_SELECTION", query["indirect"])
        spec = parse_difference(tuple(query["select"]) or None, tuple(query["exclude"]) or None)
        if isinstance(self._first, ListTask):
            self._first.compile_manifest()
            return {"nodes": sorted(self._first.get_node_selector().get_selected(spec))}
        task = self._task(query["verb"])
        task.get_selection_spec = lambda: spec
        object.__setattr__(task.args, "resource_types", query["types"])
        object.__setattr__(task.args, "exclude_resource_types", query["without"])
        queue = task.get_graph_queue()
        selector = NodeSelector(graph=task.graph, manifest=task.manifest, include_empty_nodes=True)
        attached = getattr(task, "model_to_unit_test_map", {})
        return {
            **order(queue),
            "unit_tests": {model: sorted(tests) for model, tests in attached.items() if model in queue.graph},
            "selected": sorted(selector.get_selected(spec, warn_on_no_nodes=False)),
        }

    def _task(self, verb: str) -> Any:
        if verb not in self._tasks:
            first = self._first
            self._tasks[verb] = TASKS[verb](first.args, first.config, first.manifest)
            self._tasks[verb].compile_manifest()
        return self._tasks[verb]

    def _retry(self, run_results: dict[str, Any]) -> dict[str, Any]:
        first, flags = self._first, get_flags()
        (Path(first.config.project_target_path) / "run_results.json").write_text(json.dumps(run_results))
        try:
            found: dict[str, Any] = RetryTask(first.args, first.config).run()
        finally:
            set_flags(flags)
        return found


def order(queue: Any) -> dict[str, Any]:
    return {"nodes": sorted(queue.graph.nodes), "edges": sorted(queue.graph.edges)}


def queue_of(task: Any) -> dict[str, Any]:
    """What a task would hand out, in place of running it."""
    task.compile_manifest()
    return order(task.get_graph_queue())


def serve(task: Any) -> None:
    oracle = Oracle(task)
    for kind in TASKS.values():
        kind.run = queue_of
    # It would parse the project that is at hand already.
    dbt.task.retry.parse_manifest = lambda *_: task.manifest  # type: ignore[assignment]
    with task_contextvars(project_root=task.config.project_root):
        for line in sys.stdin:
            try:
                found = oracle.answer(json.loads(line))
            except (DbtBaseException, ValueError, NotImplementedError, IndexError) as fault:
                found = {"error": f"{type(fault).__name__}: {fault}"}
            print(json.dumps(found), file=ANSWERS, flush=True)


def main(verb: str, project: str, target: str) -> None:
    sys.stdout = sys.stderr  # dbt's own output must not mix with the answers
    BuildTask.run = ListTask.run = serve
    places = [
        "--project-dir",
        project,
        "--profiles-dir",
        project,
        "--target-path",
        target,
        "--log-path",
        target,
    ]
    flags = ["--no-send-anonymous-usage-stats", "--quiet", "--no-version-check"]
    result = dbtRunner().invoke([*flags, verb, *places])
    if result.exception:
        raise result.exception


if __name__ == "__main__":
    Path(sys.argv[3]).mkdir(parents=True, exist_ok=True)
    main(*sys.argv[1:])
