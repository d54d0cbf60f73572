"""Makes small manifests for the tests out of whole ones: without what neither selection nor `state:` looks at.

    python -m tests.selection_cases.strip MANIFEST OUT

Compiled SQL, docs, the maps of parents and children, columns' descriptions and all macros that no node reaches go; of a
node's or a macro's text only a digest stays, which differs whenever the text does. dbt itself still loads the result.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

# Sections of things that depend on macros.
SECTIONS = (
    "nodes",
    "sources",
    "exposures",
    "metrics",
    "semantic_models",
    "saved_queries",
    "unit_tests",
    "functions",
)
_DROPPED = ("docs", "disabled", "parent_map", "child_map", "group_map")
_DROPPED_OF_NODE = (
    "compiled_code",
    "compiled_path",
    "extra_ctes",
    "root_path",
    "build_path",
    "doc_blocks",
    "created_at",
)


def stripped(manifest: dict[str, Any]) -> dict[str, Any]:
    """A smaller manifest that selects the same; the given one stays as it is."""
    small = {name: section for name, section in manifest.items() if name not in _DROPPED}
    small |= {name: {} for name in _DROPPED}
    for name in SECTIONS:
        if name in manifest:
            small[name] = {unique_id: _entry(entry) for unique_id, entry in manifest[name].items()}
    small["macros"] = {
        unique_id: _macro(manifest["macros"][unique_id]) for unique_id in sorted(_reached(manifest))
    }
    nobody = {"env": {}, "invocation_id": None, "user_id": None, "invocation_started_at": None}
    small["metadata"] = {**manifest["metadata"], **nobody, "generated_at": "2026-01-01T00:00:00Z"}
    return small


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in entry.items() if name not in _DROPPED_OF_NODE}
    if (entry.get("raw_code") or "").strip():
        kept["raw_code"] = f"-- {_digest(entry['raw_code'])}"
    if entry.get("resource_type") == "source" or "columns" not in entry:
        return kept
    return (
        {**kept, "columns": {}}
        if not (entry.get("config") or {}).get("contract", {}).get("enforced")
        else kept
    )


def _macro(macro: dict[str, Any]) -> dict[str, Any]:
    return {
        **macro,
        "macro_sql": f"{{# {_digest(macro['macro_sql'])} #}}",
        "description": "",
        "arguments": [],
        "docs": {"show": False},
    }


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _reached(manifest: dict[str, Any]) -> set[str]:
    waiting = [
        macro
        for name in SECTIONS
        for entry in manifest.get(name, {}).values()
        for macro in (entry.get("depends_on") or {}).get("macros", ())
    ]
    reached: set[str] = set()
    while waiting:
        macro = waiting.pop()
        if macro not in reached and macro in manifest["macros"]:
            reached.add(macro)
            waiting += manifest["macros"][macro]["depends_on"]["macros"]
    return reached


def dumped(manifest: dict[str, Any]) -> str:
    """One line per entry, so that a change of one node is a change of one line."""
    sections = []
    for name, section in manifest.items():
        if isinstance(section, dict) and section and name != "metadata":
            lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in section.items())
            sections.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
        else:
            sections.append(f"{json.dumps(name)}: {json.dumps(section)}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(dumped(stripped(json.loads(Path(sys.argv[1]).read_text()))))
