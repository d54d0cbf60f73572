"""Methods that ask for a property: `tag`, `group`, `access`, `resource_type`, `config`, `version`."""

from typing import Any

from headgate.domain.index import Node
from headgate.domain.selection.methods.patterns import pattern
from headgate.domain.selection.methods.scope import Match, Scope
from headgate.domain.selection.methods.words import nearest, one_of
from headgate.domain.selection.spec import Criterion
from headgate.errors import SelectionError

RESOURCE_TYPES = (
    "model", "analysis", "test", "snapshot", "operation", "seed", "rpc", "sql_operation", "doc", "source",
    "macro", "exposure", "metric", "group", "saved_query", "semantic_model", "unit_test", "fixture", "function",
)  # fmt: skip


def tag(criterion: Criterion, scope: Scope) -> set[str]:
    fits = pattern(criterion.value)
    return scope.where(lambda node: any(map(fits, node.tags)))


def group(criterion: Criterion, scope: Scope) -> set[str]:
    """By the configured group. A test has its model's group without being configured so, and is not found by it."""
    fits = pattern(criterion.value)

    def matches(node: Node) -> bool:
        configured = node.config.get("group")
        return (
            isinstance(configured, str)
            and (node.is_parsed or node.resource_type == "metric")
            and fits(configured)
        )

    return scope.where(matches)


def access(criterion: Criterion, scope: Scope) -> set[str]:
    return scope.where(lambda node: node.resource_type == "model" and node.access == criterion.value)


def resource_type(criterion: Criterion, scope: Scope) -> set[str]:
    if criterion.value not in RESOURCE_TYPES:
        near = nearest(criterion.value, RESOURCE_TYPES)
        raise SelectionError(f"{criterion.text!r}: {criterion.value!r} is no resource type{near}")
    return scope.where(lambda node: node.resource_type == criterion.value)


def config(criterion: Criterion, scope: Scope) -> set[str]:
    """`config.<key>[.<key>…]:value`; true and false match booleans, a list matches by any of its members."""
    keys = criterion.arguments
    if not keys:
        raise SelectionError(f"{criterion.text!r}: write config.<key>:value, as in config.materialized:table")

    def matches(node: Node) -> bool:
        if not node.is_parsed and node.resource_type != "source":
            return False
        value: Any = node.config
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        members = value if isinstance(value, list) else [value]
        return any(_equals(member, criterion) for member in members)

    return scope.where(matches)


def _equals(value: Any, criterion: Criterion) -> bool:
    wanted, literal = criterion.value, criterion.literal
    # a number or a boolean of selectors.yml equals what Python says is equal, as in dbt
    if literal is not None and bool(value == literal):
        return True
    if isinstance(value, bool):
        return wanted.lower() == ("true" if value else "false")
    if criterion.arguments == ("severity",) and isinstance(value, str):
        return value.lower() == wanted.lower()
    return literal is None and bool(value == wanted)


def version(criterion: Criterion, scope: Scope) -> set[str]:
    """`latest`, `prerelease` or `old` versions of models, or `none` for models without versions."""
    ways: dict[str, Match] = {
        "latest": lambda node: node.version is not None and node.version == node.latest_version,
        "prerelease": lambda node: (
            bool(node.version and node.latest_version) and _is_below(node.latest_version, node.version)
        ),
        "old": lambda node: (
            bool(node.version and node.latest_version) and _is_below(node.version, node.latest_version)
        ),
        "none": lambda node: node.version is None,
    }
    matches = one_of(criterion, ways)
    return scope.where(lambda node: node.resource_type == "model" and matches(node))


def _is_below(one: Any, other: Any) -> bool:
    try:
        return float(one) < float(other)
    except ValueError:
        return str(one) < str(other)
