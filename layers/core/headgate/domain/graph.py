"""Graphs of nodes: the only file that knows networkx. Edges point from a parent to what depends on it.

The build's graph has test edges besides the dependencies: a node waits for the tests of everything upstream
of it, as in `dbt build` (dbt.compilation.Linker.add_test_edges). dbt adds far more of these edges than it
needs; here only the first node on each path gets one, which leaves the same order.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import networkx

if TYPE_CHECKING:
    Graph: TypeAlias = networkx.DiGraph[str]
else:
    Graph: TypeAlias = networkx.DiGraph


def build_graph(parents: Mapping[str, Iterable[str]]) -> Graph:
    """The graph of unique_id -> its parents. Parents that are not keys become nodes too."""
    graph: Graph = networkx.DiGraph()
    graph.add_nodes_from(parents)
    graph.add_edges_from((parent, node) for node, found in parents.items() for parent in found)
    return graph


def ancestors(graph: Graph, of: Iterable[str], depth: int | None = None) -> set[str]:
    """What lies at most `depth` edges upstream of any of these; one of them only if it is upstream of another."""
    return _reach(graph.pred, of, depth)


def descendants(graph: Graph, of: Iterable[str], depth: int | None = None) -> set[str]:
    """What lies at most `depth` edges downstream of any of these; one of them only if downstream of another."""
    return _reach(graph.succ, of, depth)


def _reach(neighbours: Mapping[str, Iterable[str]], of: Iterable[str], depth: int | None) -> set[str]:
    reached: set[str] = set()
    layer = set(of)
    while layer and (depth is None or depth > 0):
        layer = {other for node in layer for other in neighbours[node]} - reached
        reached |= layer
        depth = None if depth is None else depth - 1
    return reached


def topological_order(graph: Graph) -> list[str]:
    """Parents before children; nodes that are free to go either way by name, so that it is always the same."""
    return list(networkx.lexicographical_topological_sort(graph))


def with_test_edges(graph: Graph, tests: Mapping[str, Collection[str]], waiting: Collection[str]) -> Graph:
    """The graph in which each of the `waiting` nodes also waits for the tests of its ancestors.

    tests: test -> everything it depends on. A node waits for a test when all of that is upstream of the node,
    so a relationship test never holds back a node that descends from one of its two models alone, and no
    cycle can arise. Of several such nodes on one path only the first gets the edge.
    """
    reach = _Descendants(graph.subgraph(set(graph) - set(tests)))
    allowed = reach.bits_of(waiting)
    first: dict[frozenset[str], list[str]] = {}
    result: Graph = graph.copy()
    for test, tested in tests.items():
        key = frozenset(tested)
        if key and key not in first:
            first[key] = reach.first_below_all(key, allowed)
        result.add_edges_from((test, node) for node in first.get(key, ()))
    return result


class _Descendants:
    """All descendants of each node, as the bits of one integer; a node's bit is its place in a topological order.

    So the lowest bit of a set is a node without any ancestor in that set. 5,000 nodes take about 3 MB.
    """

    def __init__(self, graph: Graph) -> None:
        self.order = list(networkx.topological_sort(graph))
        self.place = {node: place for place, node in enumerate(self.order)}
        self.below: dict[str, int] = {}
        for node in reversed(self.order):
            bits = 0
            for child in graph.succ[node]:
                bits |= self.below[child] | 1 << self.place[child]
            self.below[node] = bits

    def bits_of(self, nodes: Iterable[str]) -> int:
        bits = 0
        for node in nodes:
            bits |= 1 << self.place[node]
        return bits

    def first_below_all(self, nodes: Iterable[str], allowed: int) -> list[str]:
        """Of the allowed nodes that descend from all of these, those which descend from no other of them."""
        rest = allowed
        for node in nodes:
            rest &= self.below[node]
        found = []
        while rest:
            place = (rest & -rest).bit_length() - 1
            found.append(self.order[place])
            rest &= ~(self.below[self.order[place]] | 1 << place)
        return found


def subset(graph: Graph, keep: Collection[str]) -> Graph:
    """The kept nodes, with an edge wherever a path led from one to another over removed nodes only.

    The same graph as dbt.graph.Graph.get_subset_graph makes by taking out one node after the other.
    """
    kept = set(keep)
    result: Graph = networkx.DiGraph()
    result.add_nodes_from(sorted(kept))
    # removed node -> the nearest kept nodes upstream of it
    above: dict[str, set[str]] = {}
    for node in networkx.topological_sort(graph):
        nearest: set[str] = set()
        for parent in graph.pred[node]:
            nearest |= {parent} if parent in kept else above[parent]
        if node in kept:
            result.add_edges_from((parent, node) for parent in sorted(nearest))
        else:
            above[node] = nearest
    return result


def without_detours(graph: Graph) -> Graph:
    """The transitive reduction: no edge remains where another path leads to the same node. Same order, least waits."""
    reach = _Descendants(graph)
    result: Graph = networkx.DiGraph()
    result.add_nodes_from(graph)
    for node in graph:
        parents = reach.bits_of(graph.pred[node])
        result.add_edges_from(
            (parent, node) for parent in graph.pred[node] if not reach.below[parent] & parents
        )
    return result


def bottom_levels(graph: Graph, seconds: Mapping[str, float]) -> dict[str, float]:
    """node -> seconds of the longest path that starts with it, itself included."""
    levels: dict[str, float] = {}
    for node in reversed(list(networkx.topological_sort(graph))):
        levels[node] = seconds[node] + max((levels[child] for child in graph.succ[node]), default=0.0)
    return levels


def critical_path(graph: Graph, seconds: Mapping[str, float]) -> list[str]:
    """The nodes of the longest path in seconds, first to last; empty for an empty graph."""
    levels = bottom_levels(graph, seconds)
    path: list[str] = []
    candidates: Iterable[str] = levels
    while candidates:
        path.append(min(candidates, key=lambda node: (-levels[node], node)))
        candidates = list(graph.succ[path[-1]])
    return path
