"""Methods that say where a node is written: `path`, `file`, `package`."""

from collections.abc import Callable
from pathlib import PurePosixPath

from headgate.domain.index import Node
from headgate.domain.selection.methods.patterns import WILDCARDS, pattern
from headgate.domain.selection.methods.scope import Scope
from headgate.domain.selection.spec import Criterion
from headgate.errors import SelectionError


def path(criterion: Criterion, scope: Scope) -> set[str]:
    """Files and folders below the project, `**` included, as a shell would find them there.

    A node matches by its own file, by the file that describes it, or by a folder above its own file.
    """
    places, parts = scope.ground.places, _parts(criterion)
    only_folders = criterion.value.endswith("/") or parts[-1:] == ("**",)
    known = places.folders if only_folders else places.folders | places.files
    if WILDCARDS & set(criterion.value):
        fits = _glob(parts)
        found = {place for place in known if fits(_split(place))}
    else:
        found = {"/".join(parts) or "."} & known
    return {unique_id for place in found for unique_id in places.nodes(place)}


def _split(place: str) -> tuple[str, ...]:
    return tuple(place.split("/")) if place != "." else ()


def _parts(criterion: Criterion) -> tuple[str, ...]:
    parts = PurePosixPath(criterion.value).parts
    if criterion.value.startswith("/") or ".." in parts:
        raise SelectionError(f"{criterion.text!r}: a path is relative to the dbt project and stays inside it")
    if any("**" in part and part != "**" for part in parts):
        raise SelectionError(f"{criterion.text!r}: '**' stands for whole folders only, as in models/**/x.sql")
    return parts


def _glob(parts: tuple[str, ...]) -> Callable[[tuple[str, ...]], bool]:
    """The test of a place's parts; `**` is None in what is tried."""
    steps = [None if part == "**" else pattern(part) for part in parts]

    def fits(place: tuple[str, ...], start: int = 0) -> bool:
        if start == len(steps):
            return not place
        step = steps[start]
        if step is None:
            return any(fits(place[skipped:], start + 1) for skipped in range(len(place) + 1))
        return bool(place) and step(place[0]) and fits(place[1:], start + 1)

    return fits


def file(criterion: Criterion, scope: Scope) -> set[str]:
    """A file's name, with or without its ending."""
    fits = pattern(criterion.value)

    def matches(node: Node) -> bool:
        name = node.original_file_path.rpartition("/")[2]
        stem, dot, _ending = name.rpartition(".")
        return fits(name) or (bool(stem and dot) and fits(stem))

    return scope.where(matches)


def package(criterion: Criterion, scope: Scope) -> set[str]:
    """A package's name; `this` is the project itself."""
    project = scope.ground.index.project_name
    fits = pattern(project if criterion.value == "this" and project else criterion.value)
    return scope.where(lambda node: fits(node.package_name))
