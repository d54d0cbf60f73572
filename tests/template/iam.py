"""Enough of IAM's evaluation to ask a role's policy: may this role do that, to this, under these circumstances?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.template.cloudformation import Template

Context = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy document, with lists where IAM allows a single value."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Statement:
        return cls(
            document["Effect"],
            tuple(_listed(document["Action"])),
            tuple(_listed(document.get("Resource", []))),
            document.get("Condition", {}),
        )

    def matches(self, action: str, resource: str, context: Context) -> bool:
        return (
            any(_like(pattern, action) for pattern in self.actions)
            and any(_like(pattern, resource) for pattern in self.resources)
            and all(
                _holds(operator, context.get(key), _listed(expected))
                for operator, keys in self.conditions.items()
                for key, expected in keys.items()
            )
        )


def role_statements(template: Template, role: str) -> list[Statement]:
    """Everything a role may do: its inline policies. Managed policies are refused, they cannot be read here."""
    properties = template.of_type("AWS::IAM::Role")[role]
    assert "ManagedPolicyArns" not in properties, f"{role} has a managed policy"
    return [
        Statement.read(document)
        for policy in properties["Policies"]
        for document in policy["PolicyDocument"]["Statement"]
    ]


def allows(statements: Iterable[Statement], action: str, resource: str, **context: str | list[str]) -> bool:
    """Whether a role with these statements may do it. A context key's colon is written as `__`."""
    keys = {name.replace("__", ":"): value for name, value in context.items()}
    matching = [statement for statement in statements if statement.matches(action, resource, keys)]
    return bool(matching) and all(statement.effect == "Allow" for statement in matching)


def _holds(operator: str, actual: str | list[str] | None, expected: list[str]) -> bool:
    quantifier, _, name = operator.rpartition(":")
    compare = {
        "StringEquals": str.__eq__,
        "ArnEquals": _liked_by,
        "ArnLike": _liked_by,
        "StringLike": _liked_by,
    }[name]
    if quantifier == "ForAllValues":
        # As in IAM, nothing at all satisfies it: such a condition is worth something only with Allow on exact actions.
        return all(any(compare(value, pattern) for pattern in expected) for value in _listed(actual or []))
    return actual is not None and any(compare(str(actual), pattern) for pattern in expected)


def _liked_by(value: str, pattern: str) -> bool:
    return _like(pattern, value)


def _like(pattern: str, value: str) -> bool:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(escaped, value, re.DOTALL) is not None


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
