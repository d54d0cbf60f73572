"""template.yaml read as data: short forms become long ones, and intrinsics resolve to readable stand-ins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
# What deployment would fill in; `physical` gives names to resources.
PSEUDO = {
    "AWS::StackName": "headgate",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` is {"Ref": "x"}, `!Sub x` is {"Fn::Sub": "x"}."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True)
class Template:
    """The template. Physical names: a resource's logical id stands for its name, `<id>.<attribute>` for the rest."""

    data: Mapping[str, Any]
    names: Mapping[str, str]

    @classmethod
    def read(cls, path: Path = ROOT / "template.yaml", **names: str) -> Template:
        """names: physical names to use for `Ref <id>` or `GetAtt <id>.<attribute>` (a dot written as `__`)."""
        data = yaml.load(path.read_text(), _Loader)  # noqa: S506 - a SafeLoader
        return cls(data, {name.replace("__", "."): value for name, value in names.items()})

    @property
    def resources(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.data["Resources"]
        return found

    def of_type(self, kind: str) -> dict[str, Any]:
        """logical id -> resolved properties."""
        return {
            name: self.resolve(resource.get("Properties", {}))
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic replaced; an If takes its first branch."""
        if isinstance(value, list):
            return [self.resolve(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Fn::GetAtt":
                return self._ref(argument if isinstance(argument, str) else ".".join(argument))
            if name == "Fn::Sub":
                return re.sub(r"\$\{([\w:.]+)\}", lambda match: self._ref(match[1]), argument)
            if name == "Fn::Join":
                return str(self.resolve(argument[1]))
            if name == "Fn::If":
                return self.resolve(argument[1])
        return {key: self.resolve(inner) for key, inner in value.items()}

    def _ref(self, name: str) -> str:
        if name in self.names:
            return self.names[name]
        return PSEUDO.get(name, name)


@cache
def template() -> Template:
    """The repository's template, with stand-ins for names."""
    return Template.read()


def pascal_case(verb: str) -> str:
    """`plan_run` -> `PlanRun`."""
    return "".join(word.capitalize() for word in verb.split("_"))


def function_folders() -> list[str]:
    """The verbs: every folder of functions/ that has code."""
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


def table_definition() -> dict[str, Any]:
    """Keys and indexes of the template's table, as DynamoDB's CreateTable takes them."""
    (table,) = template().of_type("AWS::DynamoDB::Table").values()
    wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    return {name: table[name] for name in wanted}
