"""The project's files: which of them belong to a bundle, and a private copy of them to work on."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from headgate.errors import ProjectError

# What dbt or Python leave behind. Hidden files are left out too: .git, .env, .venv, .user.yml …
_LEFT_OUT = frozenset({"target", "logs", "__pycache__", "node_modules"})
_HIDDEN_BUT_DBT_S = frozenset({".dbtignore"})
# A new owner of a job does not change what dbt builds.
_NOT_DBT_S = frozenset({"headgate.yml"})
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Project:
    """A dbt project: its folder, its name, the profile that it asks for, and what its flags say.

    compare_unrendered: the flag `state_modified_compare_more_unrendered_values`; None: left to dbt's version.
    """

    folder: Path
    name: str
    profile: str
    fail_fast: bool = False
    compare_unrendered: bool | None = None

    def files(self) -> list[str]:
        """Paths of everything that belongs to a bundle, relative, with forward slashes, sorted."""
        return sorted(path.relative_to(self.folder).as_posix() for path in _walk(self.folder))

    def copy_to(self, folder: Path) -> "Project":
        """A private copy. Times are kept: dbt compares them to see what changed since the last parse."""
        for name in self.files():
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.folder / name, copy)
        return replace(self, folder=folder)

    def digests(self) -> dict[str, str]:
        """Path -> sha256 of the content."""
        return {name: digest_of(self.folder / name) for name in self.files()}


def read_project(folder: Path) -> Project:
    """Raises ProjectError when there is no dbt project in `folder`."""
    path = folder / "dbt_project.yml"
    if not path.is_file():
        raise ProjectError(f"there is no dbt project in {folder}: dbt_project.yml is missing (--project-dir)")
    settings = read_yaml(path)
    name = str(settings.get("name") or "")
    if not name:
        raise ProjectError(f"{path}: the project has no name")
    flags = settings.get("flags")
    flags = flags if isinstance(flags, dict) else {}
    unrendered = flags.get("state_modified_compare_more_unrendered_values")
    return Project(
        folder,
        name,
        str(settings.get("profile") or ""),
        fail_fast=flags.get("fail_fast") is True,
        compare_unrendered=unrendered if isinstance(unrendered, bool) else None,
    )


def read_yaml(path: Path, loader: YAML | None = None) -> Any:
    """The mapping in a YAML file. Raises ProjectError with the line of what cannot be read."""
    try:
        content = (loader or YAML(typ="safe", pure=True)).load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise ProjectError(f"{path}:{line}  not a YAML file: {fault.problem}") from fault
    except (YAMLError, UnicodeDecodeError) as fault:
        raise ProjectError(f"{path}: not a YAML file: {fault}") from fault
    if not isinstance(content, dict):
        raise ProjectError(f"{path}: this is not a mapping of settings")
    return content


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if not _is_left_out(path):
                yield from _walk(path)
        elif path.is_file() and not _is_left_out(path):
            yield path


def _is_left_out(path: Path) -> bool:
    if path.name.startswith("."):
        return path.name not in _HIDDEN_BUT_DBT_S
    if path.is_dir():
        return path.name in _LEFT_OUT or (path / "pyvenv.cfg").exists() or _leads_back(path)
    return path.suffix == ".pyc" or path.name in _NOT_DBT_S


def _leads_back(path: Path) -> bool:
    """Whether a link would make the walk endless."""
    return path.is_symlink() and path.resolve() in {folder.resolve() for folder in path.parents}


def digest_of(path: Path) -> str:
    """sha256 of a file's content."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
