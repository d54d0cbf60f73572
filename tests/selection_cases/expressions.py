"""Random selections that mean something in a project: values it has, with methods, wildcards and operators."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from headgate.domain.index import Index
from tests.selection_cases.standin import STATUSES

MODES = ("eager", "cautious", "buildable", "empty")
# Their values are words; a wildcard in them is an error.
_WITHOUT_WILDCARDS = frozenset(
    {
        "resource_type",
        "test_type",
        "version",
        "path",
        "state",
        "result",
        "source_status",
        "access",
        "selector",
    }
)
_ASPECTS = ("body", "configs", "relation", "persisted_descriptions", "macros", "contract")
STATES = [
    *("state:new", "state:old", "state:modified", "state:unmodified", "source_status:fresher"),
    *(f"state:modified.{aspect}" for aspect in _ASPECTS),
    *(f"result:{status}" for status in STATUSES),
]


def vocabulary(index: Index) -> list[str]:
    """Values that mean something in this project, with the method they belong to."""
    words = {"fqn:nothing", "resource_type:model", "test_type:generic", "test_type:unit", "version:latest"}
    words |= {
        "version:none",
        "version:old",
        "package:this",
        "config.enabled:true",
        "test_type:singular",
        "fqn:*",
    }
    for node in index.nodes.values():
        place = Path(node.original_file_path)
        words |= {node.name, f"{node.package_name}.*", ".".join(node.fqn), ".".join(node.fqn[1:3])}
        words |= {f"path:{place}", f"{place.parent}/*", f"path:{place.parent}", f"file:{place.name}"}
        words |= {f"path:{place.parts[0]}/**/{place.name[:5]}*", f"path:{node.patch_path or 'x'}"}
        words |= {f"tag:{tag}" for tag in node.tags} | {f"config.materialized:{node.materialized}"}
        words |= {f"resource_type:{node.resource_type}", f"package:{node.package_name}"}
        words |= {f"group:{node.group}"} if node.group else set()
        words |= {f"access:{node.access}"} if node.access else set()
        words |= {f"test_name:{node.test_name}"} if node.test_name else set()
        words |= {f"source:{node.source_name}.{node.name}"} if node.source_name else set()
        if node.resource_type in ("exposure", "metric", "semantic_model", "saved_query", "unit_test"):
            words.add(f"{node.resource_type}:{node.name}")
    # dbt itself fails at `path:.`
    return sorted(words - {"path:.", ""})


def selection(chance: Random, words: list[str]) -> list[str]:
    """The values of one --select or --exclude: up to two, of up to three intersections of up to three criteria."""
    return [" ".join(_parts(chance, words)) for _ in range(chance.choice((1, 1, 2)))]


def _parts(chance: Random, words: list[str]) -> list[str]:
    sizes = [chance.choice((1, 1, 2, 3)) for _ in range(chance.choice((1, 1, 2, 3)))]
    return [",".join(criterion(chance, words) for _ in range(size)) for size in sizes]


def criterion(chance: Random, words: list[str]) -> str:
    """One word with operators, and now and then with a wildcard in its value."""
    method, colon, value = chance.choice(words).rpartition(":")
    if method not in _WITHOUT_WILDCARDS and "/" not in value and chance.random() < 0.25:
        start = chance.randrange(len(value))
        value = value[:start] + chance.choice(("*", "?", "*.", "[a-m]*")) + value[start + 2 :]
    front = chance.choice(("", "", "", "+", "1+", "2+", "0+", "@", "@1+"))
    behind = "" if "@" in front else chance.choice(("", "", "", "+", "+1", "+3"))
    return f"{front}{method}{colon}{value}{behind}"


def definitions(chance: Random, words: list[str], number: int) -> list[dict[str, Any]]:
    """The `selectors` of a selectors.yml: each may take up what an earlier one defines."""
    found: list[dict[str, Any]] = []
    for position in range(number):
        names = [selector["name"] for selector in found]
        found.append({"name": f"s{position:02}", "definition": _definition(chance, words, names)})
    return found


def _definition(chance: Random, words: list[str], names: list[str], depth: int = 0) -> Any:
    kind = chance.choice(
        ("text", "pair", "method", "method", *(("union", "intersection") if depth < 3 else ()))
    )
    if depth == 0 and chance.random() < 0.5:
        kind = chance.choice(("union", "intersection"))
    if names and chance.random() < 0.15:
        return {"method": "selector", "value": chance.choice(names)}
    if kind == "text":
        return criterion(chance, words)
    method, value = _method_and_value(chance, words)
    if kind == "pair":
        return {method: value}
    if kind == "method":
        return _full(chance, words, names, {"method": method, "value": value}, depth)
    items = [_definition(chance, words, names, depth + 1) for _ in range(chance.choice((1, 2, 2, 3)))]
    items = [item for item in items if not isinstance(item, dict) or "exclude" not in item] or [value]
    if chance.random() < 0.4:
        items.insert(chance.randrange(len(items) + 1), {"exclude": _excluded(chance, words, names, depth)})
    return {kind: items}


def _full(
    chance: Random, words: list[str], names: list[str], found: dict[str, Any], depth: int
) -> dict[str, Any]:
    if chance.random() < 0.2:
        found["childrens_parents"] = True
    elif chance.random() < 0.4:
        found["children"] = True
        found |= {"children_depth": chance.choice((0, 1, 2))} if chance.random() < 0.5 else {}
    if chance.random() < 0.4:
        found["parents"] = chance.choice((True, True, False))
        found |= {"parents_depth": chance.choice((1, 2))} if chance.random() < 0.5 else {}
    if chance.random() < 0.4:
        found["indirect_selection"] = chance.choice(MODES)
    if chance.random() < 0.3:
        found["exclude"] = _excluded(chance, words, names, depth)
    return found


def _excluded(chance: Random, words: list[str], names: list[str], depth: int) -> list[Any]:
    return [_definition(chance, words, names, depth + 2) for _ in range(chance.choice((1, 1, 2)))]


def _method_and_value(chance: Random, words: list[str]) -> tuple[str, Any]:
    method, _colon, value = chance.choice(words).rpartition(":")
    if method == "config.enabled":
        return method, True
    return method or ("path" if "/" in value else "fqn"), value
