"""From a selection to nodes: methods, graph operators, set operations, and the tests that come along.

Semantics of dbt.graph.selector.NodeSelector with eager indirect selection: each criterion brings the tests
and unit tests of what it selects, before unions, intersections and exclusions are formed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headgate.domain.graph import Graph, ancestors, build_graph, descendants
from headgate.domain.index import Index
from headgate.domain.selection.methods import match
from headgate.domain.selection.spec import ALL_THE_WAY, Criterion, Intersection, parse


@dataclass(frozen=True, slots=True)
class Resolved:
    """The selected unique_ids, of every resource type. `unmatched`: parts of the text that selected nothing."""

    nodes: frozenset[str]
    unmatched: tuple[str, ...] = ()


class Resolver:
    """Resolves selections against one index. Disabled nodes are never selected."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._nodes = {unique_id: node for unique_id, node in index.nodes.items() if node.enabled}
        self._graph: Graph = dependencies(index).subgraph(self._nodes)
        self._tests = frozenset(
            unique_id
            for unique_id, node in self._nodes.items()
            if node.resource_type in ("test", "unit_test")
        )

    def resolve(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> Resolved:
        """What `--select` and `--exclude` leave; without --select that is everything.

        Raises SelectionError.
        """
        unmatched: list[str] = []
        chosen = self._union(select, unmatched) if select else set(self._nodes)
        left_out = self._union(exclude, unmatched) if exclude else set()
        return Resolved(frozenset(chosen - left_out), tuple(unmatched))

    def _union(self, texts: Sequence[str], unmatched: list[str]) -> set[str]:
        chosen: set[str] = set()
        for part in parse(texts).parts:
            found = self._intersection(part)
            if not found:
                unmatched.append(part.text)
            chosen |= found
        return chosen

    def _intersection(self, part: Intersection) -> set[str]:
        return set.intersection(*(self._criterion(criterion) for criterion in part.criteria))

    def _criterion(self, criterion: Criterion) -> set[str]:
        matches = match(criterion, self._index)
        found = {unique_id for unique_id, node in self._nodes.items() if matches(node)}
        chosen = found | self._neighbours(criterion, found)
        return chosen | {child for node in chosen for child in self._graph.succ[node] if child in self._tests}

    def _neighbours(self, criterion: Criterion, found: set[str]) -> set[str]:
        chosen: set[str] = set()
        if criterion.childrens_parents:
            below = found | descendants(self._graph, found)
            chosen |= below | ancestors(self._graph, below)
        if criterion.parents is not None:
            chosen |= ancestors(self._graph, found, _depth(criterion.parents))
        if criterion.children is not None:
            chosen |= descendants(self._graph, found, _depth(criterion.children))
        return chosen


def dependencies(index: Index) -> Graph:
    """The graph of everything in the index, without test edges."""
    return build_graph({unique_id: node.depends_on for unique_id, node in index.nodes.items()})


def _depth(distance: int) -> int | None:
    return None if distance == ALL_THE_WAY else distance
