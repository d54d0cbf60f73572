"""dbt itself as an oracle of `state:`: what would each of its methods select? A script, run as its own process.

    python dbt_state_oracle.py PROJECT TARGET

Each line of its input is a JSON object {"keep": folder, "against": [folders]}. It parses the project as it is now,
leaves manifest.json in the folder `keep`, compares with the manifest.json of each folder of `against`, and answers by a
JSON line {folder: {method: [unique_ids] or {"error"}}}. Nothing connects to a database.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.state import PreviousState
from dbt.graph.selector_methods import StateSelectorMethod
from dbt_common.exceptions import DbtBaseException

ANSWERS = sys.stdout
METHODS = (
    "new",
    "old",
    "unmodified",
    "modified",
    "modified.body",
    "modified.configs",
    "modified.persisted_descriptions",
    "modified.relation",
    "modified.macros",
    "modified.contract",
)


def parse(project: Path, target: Path) -> Manifest:
    places = {"project-dir": project, "profiles-dir": project, "target-path": target, "log-path": target}
    words = [word for name, place in places.items() for word in (f"--{name}", str(place))]
    flags = ["--no-send-anonymous-usage-stats", "--quiet", "--no-version-check"]
    parsed = dbtRunner().invoke([*flags, "parse", *words])
    if parsed.exception:
        raise parsed.exception
    assert isinstance(parsed.result, Manifest)
    return parsed.result


def everything(manifest: Manifest) -> set[str]:
    sections = (
        *(manifest.nodes, manifest.sources, manifest.exposures, manifest.metrics, manifest.unit_tests),
        *(manifest.semantic_models, manifest.saved_queries, manifest.functions),
    )
    return {unique_id for section in sections for unique_id in section}


def answers(manifest: Manifest, project: Path, target: Path, folder: str) -> dict[str, Any]:
    previous, included = PreviousState(Path(folder), target, project), everything(manifest)
    found: dict[str, Any] = {}
    for method in METHODS:
        try:
            selected = StateSelectorMethod(manifest, previous, []).search(included, method)
            found[method] = sorted(selected)
        except DbtBaseException as fault:
            found[method] = {"error": f"{type(fault).__name__}: {fault}"}
    return found


def main(project: Path, target: Path) -> None:
    sys.stdout = sys.stderr  # dbt's own output must not mix with the answers
    for line in sys.stdin:
        query = json.loads(line)
        manifest = parse(project, target)
        Path(query["keep"]).mkdir(parents=True)
        shutil.copy(target / "manifest.json", query["keep"])
        found = {folder: answers(manifest, project, target, folder) for folder in query["against"]}
        print(json.dumps(found), file=ANSWERS, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
