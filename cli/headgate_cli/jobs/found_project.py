"""What a dbt project says that a first jobs file can be written from. Nothing is parsed by dbt, nothing is changed."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.errors import ProjectError
from headgate_cli.bundle.project import read_project, read_yaml

PROFILES = "profiles.yml"
_ENV_VAR = re.compile(r"env_var\(\s*['\"]([A-Za-z_][A-Za-z0-9_]*)['\"]")


@dataclass(frozen=True, slots=True)
class Target:
    """An output of the profile. schema: as it stands there; empty: only dbt can say. variables: variable -> its key."""

    name: str
    schema: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FoundProject:
    """targets: of its profile. usual: the profile's own `target`. fivetran, airbyte: connectors that its sources name.

    guessed: sources whose loader is named but whose connector is not, so that their own name stands for it. owners: who
    is named by exposures, most often first. unread: files that are no plain YAML.
    """

    name: str
    profiles: Path | None = None
    targets: tuple[Target, ...] = ()
    usual: str = ""
    fivetran: tuple[str, ...] = ()
    airbyte: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def find_project(folder: Path) -> FoundProject:
    """Raises ProjectError when there is no dbt project in `folder`."""
    project = read_project(folder)
    profiles = _profiles_of(folder)
    profile = _mapping(_read(profiles).get(project.profile)) if profiles else {}
    files, unread = _property_files(folder, _paths(folder))
    sources = [source for file in files for source in _entries(file, "sources")]
    named = {loader: list(_connectors(sources, loader)) for loader in ("fivetran", "airbyte")}
    owners = Counter(_owner(exposure) for file in files for exposure in _entries(file, "exposures"))
    return FoundProject(
        name=project.name,
        profiles=profiles,
        targets=tuple(_target(name, found) for name, found in _mapping(profile.get("outputs")).items()),
        usual=str(profile.get("target") or ""),
        fivetran=tuple(dict.fromkeys(name for name, _ in named["fivetran"])),
        airbyte=tuple(dict.fromkeys(name for name, _ in named["airbyte"])),
        guessed=tuple(
            dict.fromkeys(name for found in named.values() for name, is_said in found if not is_said)
        ),
        owners=tuple(owner for owner, _ in owners.most_common() if owner),
        unread=tuple(unread),
    )


def _profiles_of(folder: Path) -> Path | None:
    """Where dbt would look, beside the project first."""
    named = os.environ.get("DBT_PROFILES_DIR")
    places = [folder, *([Path(named)] if named else []), Path.home() / ".dbt"]
    return next((place / PROFILES for place in places if (place / PROFILES).is_file()), None)


def _target(name: object, found: object) -> Target:
    output = _mapping(found)
    schema = str(output.get("schema") or output.get("dataset") or "")
    variables = {name: str(key) for key, value in output.items() for name in _ENV_VAR.findall(str(value))}
    return Target(str(name), "" if "{{" in schema else schema, variables)


def _paths(folder: Path) -> list[Path]:
    settings = _read(folder / "dbt_project.yml")
    named = settings.get("model-paths")
    return [folder / str(path) for path in (named if isinstance(named, list) else ["models"])]


def _property_files(folder: Path, paths: Sequence[Path]) -> tuple[list[Mapping[Any, Any]], list[str]]:
    found, unread = [], []
    for path in paths:
        for file in sorted((*path.rglob("*.yml"), *path.rglob("*.yaml"))):
            try:
                found.append(read_yaml(file))
            except (ProjectError, OSError):
                unread.append(str(file.relative_to(folder)))
    return found, unread


def _connectors(sources: Sequence[Mapping[Any, Any]], loader: str) -> Iterator[tuple[str, bool]]:
    """Names of connectors of this loader, and whether the source says them or is only called so itself."""
    key = {"fivetran": "fivetran_connector", "airbyte": "airbyte_connection"}[loader]
    for source in sources:
        names = [
            name for entry in (source, *_entries(source, "tables")) for name in _said(entry, key, loader)
        ]
        loaded_by = str(source.get("loader") or _mapping(source.get("config")).get("loader") or "")
        if names:
            yield from ((name, True) for name in names)
        elif loader in loaded_by.casefold() and source.get("name"):
            yield str(source["name"]), False


def _said(entry: Mapping[Any, Any], key: str, loader: str) -> Iterator[str]:
    for meta in (_mapping(entry.get("meta")), _mapping(_mapping(entry.get("config")).get("meta"))):
        named: list[object] = [meta.get(key)]
        own = _mapping(meta.get("headgate"))
        for value in (own.get("connector"), own.get("connectors")):
            named += value if isinstance(value, list) else [value]
        for position, name in enumerate(named):
            provider, sign, rest = str(name).partition("/")
            if name and position and sign and provider in ("fivetran", "airbyte"):
                yield from [rest] if provider == loader else []
            elif name and (position == 0 or loader == "fivetran"):
                yield str(name)


def _owner(exposure: Mapping[Any, Any]) -> str:
    owner = exposure.get("owner") or _mapping(exposure.get("config")).get("owner")
    email = _mapping(owner).get("email")
    return str(email[0] if isinstance(email, list) and email else email or "")


def _entries(found: Mapping[Any, Any], key: str) -> list[Mapping[Any, Any]]:
    values = found.get(key)
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list) else []


def _read(path: Path) -> Mapping[Any, Any]:
    return _mapping(read_yaml(path))


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
