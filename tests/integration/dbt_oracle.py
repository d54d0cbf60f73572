"""dbt itself as an oracle: what would `dbt ls` list and `dbt build` queue? A script, run as its own process.

    python dbt_oracle.py ls|build PROJECT TARGET

It starts dbt once, replaces the task's `run` by a loop, and answers each line of its input, a JSON object with
`select` and `exclude`, by a JSON line: {"nodes", "edges", "unit_tests", "selected"} or {"error"}. Nothing
connects to a database. The manifest is left in the folder TARGET.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.graph import NodeSelector
from dbt.graph.cli import parse_difference
from dbt.task.build import BuildTask
from dbt.task.list import ListTask
from dbt_common.events.contextvars import task_contextvars
from dbt_common.exceptions import DbtBaseException

ANSWERS = sys.stdout


def answer(task: Any, query: dict[str, Any]) -> dict[str, Any]:
    spec = parse_difference(tuple(query["select"]) or None, tuple(query["exclude"]) or None)
    if isinstance(task, ListTask):
        return {"nodes": sorted(task.get_node_selector().get_selected(spec))}
    task.get_selection_spec = lambda: spec
    queue = task.get_graph_queue()
    selector = NodeSelector(graph=task.graph, manifest=task.manifest, include_empty_nodes=True)
    return {
        "nodes": sorted(queue.graph.nodes),
        "edges": sorted(queue.graph.edges),
        "unit_tests": {
            model: sorted(tests)
            for model, tests in task.model_to_unit_test_map.items()
            if model in queue.graph
        },
        "selected": sorted(selector.get_selected(spec, warn_on_no_nodes=False)),
    }


def serve(task: Any) -> None:
    with task_contextvars(project_root=task.config.project_root):
        task.compile_manifest()
        for line in sys.stdin:
            try:
                found = answer(task, json.loads(line))
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
