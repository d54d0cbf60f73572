"""What every selection on one index looks up: its nodes, their relatives, which tests belong to what. Made once."""

from collections.abc import Collection, Iterable
from functools import cached_property

from headgate.domain.index import Index, Node
from headgate.domain.selection.relatives import Relatives

_TESTS = frozenset({"test", "unit_test"})


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

    def of_types(self, nodes: Iterable[str], resource_types: Collection[str]) -> frozenset[str]:
        """Those which have one of these resource types."""
        return frozenset(node for node in nodes if self.nodes[node].resource_type in resource_types)

    def tests_of(self, nodes: Iterable[str]) -> set[str]:
        """The tests and unit tests that depend directly on any of these."""
        children = self.relatives.children
        return {
            child for node in nodes for child in children(node) if self.nodes[child].resource_type in _TESTS
        }

    def has_parents_in(self, test: str, nodes: Collection[str]) -> bool:
        """Whether everything that the test depends on is among these, what is disabled included."""
        return all(parent in nodes for parent in self.nodes[test].depends_on)
