"""Methods that say where a node is written: `path`, `file`, `package`."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from headgate.domain.index import Node
from headgate.domain.selection.methods.scope import Scope
from headgate.domain.selection.spec import Criterion
from headgate.errors import SelectionError


def path(criterion: Criterion, scope: Scope) -> set[str]:
    """Files and folders below the project, `**` included, as a shell would find them there.

    A node matches by its own file, by the file that describes it, or by a folder above its own file.
    """
    wanted = _glob(criterion)
    found = {str(place) for place, is_folder in _places(scope).items() if wanted(place, is_folder)}

    def matches(node: Node) -> bool:
        own = str(PurePosixPath(node.original_file_path))
        if own in found or any(folder in found for folder in _folders(own)):
            return True
        return bool(node.patch_path) and str(PurePosixPath(node.patch_path)) in found

    return scope.where(matches)


def _folders(place: str) -> list[str]:
    return [str(folder) for folder in PurePosixPath(place).parents]


def _places(scope: Scope) -> dict[PurePosixPath, bool]:
    """The project's files and folders as far as its nodes know them, and whether each is a folder."""
    files = {
        PurePosixPath(name)
        for node in scope.index.nodes.values()
        if node.package_name == scope.index.project_name
        for name in (node.original_file_path, node.patch_path)
        if name
    }
    return dict.fromkeys(files, False) | {folder: True for file in files for folder in file.parents}


def _glob(criterion: Criterion) -> Callable[[PurePosixPath, bool], bool]:
    text = criterion.value
    parts = PurePosixPath(text).parts
    if text.startswith("/") or ".." in parts:
        raise SelectionError(f"{criterion.text!r}: a path is relative to the dbt project and stays inside it")
    if any("**" in part and part != "**" for part in parts):
        raise SelectionError(f"{criterion.text!r}: '**' stands for whole folders only, as in models/**/x.sql")
    only_folders = text.endswith("/") or parts[-1:] == ("**",)
    return lambda place, is_folder: (is_folder or not only_folders) and _fits(place.parts, parts)


def _fits(place: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not place
    if pattern[0] == "**":
        return any(_fits(place[start:], pattern[1:]) for start in range(len(place) + 1))
    return bool(place) and fnmatchcase(place[0], pattern[0]) and _fits(place[1:], pattern[1:])


def file(criterion: Criterion, scope: Scope) -> set[str]:
    """A file's name, with or without its ending."""

    def matches(node: Node) -> bool:
        own = PurePosixPath(node.original_file_path)
        return fnmatchcase(own.name, criterion.value) or fnmatchcase(own.stem, criterion.value)

    return scope.where(matches)


def package(criterion: Criterion, scope: Scope) -> set[str]:
    """A package's name; `this` is the project itself."""
    project = scope.index.project_name
    wanted = project if criterion.value == "this" and project else criterion.value
    return scope.where(lambda node: fnmatchcase(node.package_name, wanted))
