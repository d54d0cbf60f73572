"""What no manifest tells of a project, as digests: the values of its variables, its target, large seeds."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from headgate.domain.fingerprint import TARGET, short_digest
from headgate.domain.index import Index, Node
from headgate_cli.bundle.project import Project, digest_of, read_yaml

_SETTINGS, _VARIABLES, _PROFILES = "dbt_project.yml", "vars.yml", "profiles.yml"
_INSTALLED = "dbt_packages"
# How many connections there are changes nothing that is built.
_NO_MATTER = frozenset({"threads"})


def with_surroundings(index: Index, project: Project, *, target: str, given: str) -> Index:
    """The index with `vars`, and with the digests of seeds that dbt kept none of.

    target: the name of the profile's output. given: the JSON of `--vars`. Raises ProjectError: a file is no YAML.
    """
    settings = read_yaml(project.folder / _SETTINGS)
    installed = project.folder / str(settings.get("packages-install-path") or _INSTALLED)
    variables = _variables(project, settings, installed, json.loads(given))
    told = _target(project, target)
    nodes = {
        unique_id: _with_seed(
            node, project.folder if node.package_name == project.name else installed / node.package_name
        )
        for unique_id, node in index.nodes.items()
    }
    return replace(
        index,
        nodes=nodes,
        vars={name: values | {TARGET: told} for name, values in variables.items()},
    )


def _variables(
    project: Project, settings: Mapping[str, Any], installed: Path, given: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """Package -> variable -> digest of its value. As dbt looks them up (VarProvider.vars_for, ConfiguredVar).

    `--vars` win over the project's own for a package, these over its general ones, these over the package's.
    """
    own = _said(project.folder, settings)
    found = {}
    for name, said in ((project.name, {}), *_packages(installed)):
        values = {**_for(said, name), **_for(own, name), **given}
        found[name] = {key: _digest(value) for key, value in values.items()}
    return found


def _packages(installed: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in sorted(installed.glob(f"*/{_SETTINGS}")):
        settings = read_yaml(path)
        yield str(settings.get("name") or path.parent.name), _said(path.parent, settings)


def _said(folder: Path, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    said = settings.get("vars")
    beside = folder / _VARIABLES
    if not said and beside.is_file():
        said = read_yaml(beside).get("vars")
    return said if isinstance(said, Mapping) else {}


def _for(said: Mapping[str, Any], package: str) -> dict[str, Any]:
    own = said.get(package)
    return {**said, **(own if isinstance(own, Mapping) else {})}


def _target(project: Project, target: str) -> str:
    profile = read_yaml(project.folder / _PROFILES).get(project.profile) or {}
    output = (profile.get("outputs") or {}).get(target) or {}
    return _digest([target, {key: value for key, value in output.items() if key not in _NO_MATTER}])


def _with_seed(node: Node, home: Path) -> Node:
    if node.resource_type != "seed" or not node.code.hidden:
        return node
    path = home / node.original_file_path
    if not path.is_file():
        return node
    return replace(node, code=replace(node.code, text=digest_of(path), hidden=""))


def _digest(value: Any) -> str:
    return short_digest(json.dumps(value, sort_keys=True, default=str))
