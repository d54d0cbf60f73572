"""dbt itself as an oracle of `state:`: what would each of its methods select? A script, run as its own process.

    python dbt_state_oracle.py PROJECT TARGET

Each line of its input is a JSON object. It is answered by a JSON line {other: {method: [unique_ids] or {"error"}}}.
Nothing connects to a database.

    {"keep": folder, "against": [folders]}   parses the project as it is now and leaves its manifest.json in `keep`
    {"manifest": file, "against": [files]}   reads a manifest instead; only after a parse, which sets dbt's flags
"""

from __future__ import annotations

import json
import shutil
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from dbt.artifacts.schemas.manifest import WritableManifest
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


@cache
def read(path: str) -> Manifest:
    return Manifest.from_writable_manifest(WritableManifest.read_and_check_versions(path))


def everything(manifest: Manifest) -> set[str]:
    sections = (
        *(manifest.nodes, manifest.sources, manifest.exposures, manifest.metrics, manifest.unit_tests),
        *(manifest.semantic_models, manifest.saved_queries, manifest.functions),
    )
    return {unique_id for section in sections for unique_id in section}


def answers(manifest: Manifest, other: Manifest) -> dict[str, Any]:
    previous, included = cast(PreviousState, SimpleNamespace(manifest=other)), everything(manifest)
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
        if "keep" in query:
            manifest = parse(project, target)
            Path(query["keep"]).mkdir(parents=True)
            shutil.copy(target / "manifest.json", query["keep"])
            found = {
                folder: answers(manifest, read(f"{folder}/manifest.json")) for folder in query["against"]
            }
        else:
            manifest = read(query["manifest"])
            found = {path: answers(manifest, read(path)) for path in query["against"]}
        print(json.dumps(found), file=ANSWERS, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
