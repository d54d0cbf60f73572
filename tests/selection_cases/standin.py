"""What dbt wants to see beside a manifest: a project's folder with empty files, and an earlier run's artifacts."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from tests.selection_cases.strip import SECTIONS

STATUSES = ("success", "error", "skipped", "pass", "fail", "warn")
PROFILE = """\
standin:
  target: prod
  outputs:
    prod: {type: postgres, host: 127.0.0.1, port: 5432, user: u, password: p, dbname: d, schema: s, threads: 1}
"""


def make_project(home: Path, manifest: dict[str, Any], selectors: Path | None) -> Path:
    """A folder in which `path:` finds what it would find in the project that the manifest was made of."""
    project = manifest["metadata"]["project_name"]
    home.mkdir(parents=True)
    (home / "dbt_project.yml").write_text(f"name: {project}\nversion: '1.0'\nprofile: standin\n")
    (home / "profiles.yml").write_text(PROFILE)
    if selectors is not None:
        (home / "selectors.yml").write_text(selectors.read_text())
    for entry in entries(manifest):
        if entry["package_name"] == project:
            for place in (entry["original_file_path"], (entry.get("patch_path") or "").rpartition("://")[2]):
                if place:
                    (home / place).parent.mkdir(parents=True, exist_ok=True)
                    (home / place).touch()
    return home


def entries(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that can be selected, of any section."""
    return [entry for name in SECTIONS for entry in manifest.get(name, {}).values()]


def earlier_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest of an imagined earlier run: some nodes were not there, some had another text or other settings."""
    earlier = deepcopy(manifest)
    for number, (unique_id, node) in enumerate(sorted(manifest["nodes"].items())):
        before = earlier["nodes"][unique_id]
        if number % 7 == 1 and node["resource_type"] in ("test", "snapshot"):
            del earlier["nodes"][unique_id]
        elif number % 5 == 2 and node["resource_type"] == "model":
            before["raw_code"] = "select 'before'"
        elif number % 5 == 3 and node["resource_type"] in ("model", "seed"):
            before["unrendered_config"] = {**before.get("unrendered_config", {}), "enabled": "{{ true }}"}
            before["config"] = {**before["config"], "full_refresh": True}
    for unique_id in sorted(manifest["sources"])[:1]:
        del earlier["sources"][unique_id]
        for entry in entries(earlier):
            parents = (entry.get("depends_on") or {}).get("nodes", [])
            parents[:] = [parent for parent in parents if parent != unique_id]
    for unique_id in sorted(name for name in manifest["macros"] if not name.startswith("macro.dbt"))[:1]:
        earlier["macros"][unique_id]["macro_sql"] = "{# before #}"
    return earlier


def statuses_of(manifest: dict[str, Any]) -> dict[str, str]:
    """unique_id -> its status in the imagined earlier run."""
    return {
        unique_id: STATUSES[number % len(STATUSES)]
        for number, unique_id in enumerate(sorted(manifest["nodes"]))
    }


def loads_of(manifest: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """`max_loaded_at` of the sources in the imagined earlier run, and now: some fresher, some new, some not asked."""
    before, now = {}, {}
    for number, unique_id in enumerate(sorted(manifest["sources"])):
        if number % 4 != 3:
            before[unique_id] = "2026-01-01T06:00:00Z"
        if number % 5 != 4:
            now[unique_id] = f"2026-01-0{1 + number % 2}T06:00:00Z"
    return before, now


def make_state(home: Path, manifest: dict[str, Any]) -> Path:
    """The folder of an earlier run: manifest.json, run_results.json, sources.json."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "manifest.json").write_text(json.dumps(earlier_of(manifest)))
    results = [_result(unique_id, status) for unique_id, status in statuses_of(manifest).items()]
    _write(home / "run_results.json", "run-results/v6", results, args={})
    return home


def write_sources(place: Path, manifest: dict[str, Any], loaded: dict[str, str]) -> None:
    """A sources.json; sources without a time could not be asked."""
    place.parent.mkdir(parents=True, exist_ok=True)
    results = [_freshness(unique_id, loaded.get(unique_id)) for unique_id in sorted(manifest["sources"])]
    _write(place, "sources/v3", results)


def _result(unique_id: str, status: str) -> dict[str, Any]:
    empty = dict.fromkeys(("message", "failures", "compiled_code", "relation_name"))
    told = {
        "thread_id": "Thread-1",
        "execution_time": 1.0,
        "adapter_response": {},
        "timing": [],
        "compiled": True,
    }
    return {"unique_id": unique_id, "status": status, **told, **empty}


def _freshness(unique_id: str, loaded: str | None) -> dict[str, Any]:
    if loaded is None:
        return {"unique_id": unique_id, "error": "no connection", "status": "runtime error"}
    count = {"count": 1, "period": "day"}
    return {
        "unique_id": unique_id,
        "max_loaded_at": loaded,
        "snapshotted_at": "2026-01-03T00:00:00Z",
        "max_loaded_at_time_ago_in_s": 1.0,
        "status": "pass",
        "criteria": {"warn_after": count, "error_after": count, "filter": None},
        "adapter_response": {},
        "timing": [],
        "thread_id": "Thread-1",
        "execution_time": 1.0,
    }


def _write(place: Path, schema: str, results: list[dict[str, Any]], **more: Any) -> None:
    metadata = {
        "dbt_schema_version": f"https://schemas.getdbt.com/dbt/{schema}.json",
        "dbt_version": "1.11.0",
    }
    place.write_text(json.dumps({"metadata": metadata, "results": results, "elapsed_time": 1.0, **more}))
