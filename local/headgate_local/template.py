"""Reads ``template.yaml`` and points its local folders at uploaded files, as ``sam package`` would.

Pure: the file on disk is never changed, and nothing here talks to AWS.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml

Template = dict[str, Any]


class ArtifactKind(StrEnum):
    """What a local path in a template stands for."""

    CODE = "code"
    LAYER = "layer"
    DEFINITION = "definition"


@dataclass(frozen=True)
class Artifact:
    """A path in the template, relative to it."""

    kind: ArtifactKind
    path: str


@dataclass(frozen=True)
class S3Location:
    """Where an artifact was uploaded to."""

    bucket: str
    key: str


PROPERTIES = {
    "AWS::Serverless::Function": ("CodeUri", ArtifactKind.CODE),
    "AWS::Serverless::LayerVersion": ("ContentUri", ArtifactKind.LAYER),
    "AWS::Serverless::StateMachine": ("DefinitionUri", ArtifactKind.DEFINITION),
}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: ``!Ref x`` reads as ``{"Ref": "x"}``."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any = None
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def read_template(text: str) -> Template:
    """Parse a CloudFormation template."""
    template: Template = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader with short forms
    return template


def artifacts(template: Template) -> list[Artifact]:
    """Every local path of the template, each once, in the order of the file."""
    found = (
        Artifact(kind, holder[name])
        for holder, name, kind in _holders(template)
        if isinstance(holder.get(name), str)
    )
    return list(dict.fromkeys(found))


def with_locations(template: Template, locations: Mapping[Artifact, S3Location]) -> Template:
    """A copy of the template whose local paths are the given locations."""
    packaged = copy.deepcopy(template)
    for holder, name, kind in _holders(packaged):
        if isinstance(holder.get(name), str):
            location = locations[Artifact(kind, holder[name])]
            holder[name] = {"Bucket": location.bucket, "Key": location.key}
    return packaged


def _holders(template: Template) -> Iterator[tuple[dict[str, Any], str, ArtifactKind]]:
    defaults = template.get("Globals", {}).get("Function")
    if defaults:
        yield defaults, "CodeUri", ArtifactKind.CODE
    for resource in template.get("Resources", {}).values():
        if resource.get("Type") in PROPERTIES:
            yield resource.setdefault("Properties", {}), *PROPERTIES[resource["Type"]]


def declared(template: Template, parameters: Mapping[str, str]) -> dict[str, str]:
    """Those parameters which the template knows."""
    return {name: value for name, value in parameters.items() if name in template.get("Parameters", {})}
