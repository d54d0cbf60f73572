"""What every selection on one index looks up: nodes, their relatives, names and places. Made once, when asked for."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from headgate.domain.index import Index, Node
from headgate.domain.selection.relatives import Relatives

_TESTS = frozenset({"test", "unit_test"})


class Way(NamedTuple):
    """How `fqn:` finds a node: by its name, or by the dotted way to it, with or without its package.

    versioned: name and version as `orders_v2`, empty without a version.
    """

    unique_id: str
    name: str
    dotted: str
    without_package: str
    versioned: str


class Ground:
    """The enabled nodes of an index."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.nodes: dict[str, Node] = {
            unique_id: node for unique_id, node in index.nodes.items() if node.enabled
        }

    @cached_property
    def relatives(self) -> Relatives:
        return Relatives(self.nodes)

    @cached_property
    def sources(self) -> frozenset[str]:
        return self.of_types(self.nodes, {"source"})

    @cached_property
    def ways(self) -> tuple[Way, ...]:
        """Of everything that has one; sources are not found by it."""
        return tuple(filter(None, map(_way, self.nodes.values())))

    @cached_property
    def places(self) -> "Places":
        return Places(self)

    @cached_property
    def _tests(self) -> dict[str, list[str]]:
        """Node -> the tests and unit tests that depend directly on it."""
        found: dict[str, list[str]] = defaultdict(list)
        for unique_id in self.of_types(self.nodes, _TESTS):
            for parent in self.nodes[unique_id].depends_on:
                found[parent].append(unique_id)
        return found

    def of_types(self, nodes: Iterable[str], resource_types: Collection[str]) -> frozenset[str]:
        """Those which have one of these resource types."""
        return frozenset(node for node in nodes if self.nodes[node].resource_type in resource_types)

    def tests_of(self, nodes: set[str]) -> set[str]:
        """The tests and unit tests that depend directly on any of these."""
        return {test for node in nodes & self._tests.keys() for test in self._tests[node]}

    def has_parents_in(self, test: str, nodes: Collection[str]) -> bool:
        """Whether everything that the test depends on is among these, what is disabled included."""
        return all(parent in nodes for parent in self.nodes[test].depends_on)


def _way(node: Node) -> Way | None:
    way = node.fqn
    # the last part of a versioned model's way is its version
    leaf = 2 if node.is_versioned else 1
    if node.resource_type == "source" or len(way) < leaf:
        return None
    dotted = ".".join(way)
    short = dotted[len(way[0]) + 1 :] if len(way) > leaf else ""
    return Way(node.unique_id, way[-leaf], dotted, short, "_".join(way[-2:]) if leaf == 2 else "")


class Places:
    """Files and folders, as texts without dots and doubled slashes.

    folders: the project's, below which `path:` looks. files: the project's own, and the files that describe them.
    """

    def __init__(self, ground: Ground) -> None:
        self._nodes: dict[str, list[str]] = defaultdict(list)
        self.files: set[str] = set()
        self.folders: set[str] = set()
        for node in ground.nodes.values():
            own, patch = _plain(node.original_file_path), _plain(node.patch_path)
            for place in {own, patch, *_folders(own)} - {""}:
                self._nodes[place].append(node.unique_id)
        # What is disabled lies there, too.
        for node in ground.index.nodes.values():
            if node.package_name == ground.index.project_name:
                self.files |= {_plain(node.original_file_path), _plain(node.patch_path)} - {""}
        for file in self.files:
            self.folders.update(_folders(file))

    def nodes(self, place: str) -> list[str]:
        """What is written or described in this file, or written somewhere below this folder."""
        return self._nodes.get(place, [])


def _folders(place: str) -> Iterator[str]:
    while place:
        place = place.rpartition("/")[0]
        if place:
            yield place
    yield "."


def _plain(place: str) -> str:
    return "/".join(part for part in place.split("/") if part not in ("", ".")) if place else ""
