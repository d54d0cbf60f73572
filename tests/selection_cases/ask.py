"""Real `dbt ls` answers questions about a manifest that has no project. A script, run as its own process.

    python ask.py MANIFEST PROJECT [STATE]

It starts the command `dbt ls` once, with the manifest already loaded and PROJECT as the project's folder (standin.py
makes one), and replaces the task's `run` by a loop: each line of its input is a question, a JSON object of select,
exclude, selector, indirect, types and without; each answer is a JSON line, {"nodes"} or, where dbt itself fails,
{"error"}. What the task lists is its own: flags, selectors.yml, state, resource types and selector are dbt's. Nothing
connects to a database. Works with dbt 1.11 and 1.12.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from dbt.artifacts.resources import GenericTest
from dbt.artifacts.schemas.manifest import WritableManifest
from dbt.cli.main import dbtRunner
from dbt.config.selectors import selector_config_from_data, selector_data_from_root
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import GenericTestNode
from dbt.flags import get_flags, set_flags
from dbt.task.list import ListTask
from dbt_common.events.contextvars import task_contextvars
from dbt_common.exceptions import DbtBaseException

ANSWERS = sys.stdout
# A question's words -> dbt's flags.
FLAGS = {
    "select": "select",
    "exclude": "exclude",
    "selector": "selector",
    "indirect": "indirect_selection",
    "types": "resource_types",
    "without": "exclude_resource_types",
}


def serve(task: Any) -> None:
    with task_contextvars(project_root=task.config.project_root):
        task.compile_manifest()
        for line in sys.stdin:
            try:
                found = {"nodes": answer(task, json.loads(line))}
            except (DbtBaseException, ValueError, NotImplementedError, IndexError) as fault:
                found = {"error": f"{type(fault).__name__}: {fault}"}
            print(json.dumps(found), file=ANSWERS, flush=True)


def answer(task: Any, question: dict[str, Any]) -> list[str]:
    flags = get_flags()
    for word, flag in FLAGS.items():
        value = question.get(word) or ("eager" if word == "indirect" else None if word == "selector" else ())
        value = tuple(value) if isinstance(value, list) else value
        object.__setattr__(flags, flag, value)
        object.__setattr__(flags, flag.upper(), value)
    # dbt reads the file under the flags of the command: the mode is kept in the criteria.
    task.config.selectors = selector_config_from_data(selector_data_from_root(task.config.project_root))
    selected = task.get_node_selector().get_selected(task.get_selection_spec(), warn_on_no_nodes=False)
    return sorted(selected)


def load(place: str) -> Manifest:
    """The manifest as dbt reads it, but with generic tests as such: read back, dbt takes them for singular ones."""
    written = WritableManifest.read_and_check_versions(place)
    manifest = Manifest.from_writable_manifest(written)
    for unique_id, entry in json.loads(Path(place).read_text())["nodes"].items():
        if entry.get("test_metadata"):
            manifest.nodes[unique_id] = GenericTestNode.from_resource(GenericTest.from_dict(entry))
    return manifest


def main(manifest: str, project: str, state: str = "") -> None:
    sys.stdout = sys.stderr  # dbt's own output must not mix with the answers
    ListTask.run = serve
    places = ["--project-dir", project, "--profiles-dir", project, "--target-path", f"{project}/target"]
    places += ["--log-path", f"{project}/logs", *(["--state", state] if state else [])]
    # dbt 1.12 looks at it while it reads a manifest, before the command has its flags.
    set_flags(Namespace(state_modified_compare_more_unrendered_values=False))
    runner = dbtRunner(manifest=load(manifest))
    result = runner.invoke(
        ["--no-send-anonymous-usage-stats", "--quiet", "--no-version-check", "ls", *places]
    )
    if result.exception:
        raise result.exception


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    main(*sys.argv[1:])
