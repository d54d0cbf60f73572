"""Graph algorithms, mostly against their definitions on random graphs."""

from __future__ import annotations

from itertools import pairwise

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.domain.graph import (
    Graph,
    ancestors,
    bottom_levels,
    build_graph,
    critical_path,
    descendants,
    subset,
    topological_order,
    with_test_edges,
    without_detours,
)

# a -> b -> d, a -> c -> d, d -> e
DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["d"]}


@st.composite
def graphs(draw: st.DrawFn, most: int = 12) -> Graph:
    """A graph without cycles; names say nothing about the order."""
    names = draw(st.permutations([f"n{place}" for place in range(draw(st.integers(1, most)))]))
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    chosen = draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    return build_graph({name: [a for a, b in chosen if b == name] for name in names})


def closure(graph: Graph) -> set[tuple[str, str]]:
    return {(node, below) for node in graph for below in networkx.descendants(graph, node)}


@pytest.mark.parametrize(
    ("of", "depth", "above", "below"),
    [
        ({"d"}, None, {"a", "b", "c"}, {"e"}),
        ({"d"}, 1, {"b", "c"}, {"e"}),
        ({"d"}, 0, set(), set()),
        ({"a"}, 2, set(), {"b", "c", "d"}),
        ({"b", "d"}, 1, {"a", "b", "c"}, {"d", "e"}),
        (set(), None, set(), set()),
    ],
)
def test_reach(of: set[str], depth: int | None, above: set[str], below: set[str]) -> None:
    graph = build_graph(DIAMOND)
    assert ancestors(graph, of, depth) == above
    assert descendants(graph, of, depth) == below


@settings(deadline=None)
@given(graphs())
def test_unlimited_reach_is_the_closure(graph: Graph) -> None:
    for node in graph:
        assert ancestors(graph, [node]) == networkx.ancestors(graph, node)
        assert descendants(graph, [node]) == networkx.descendants(graph, node)


@settings(deadline=None)
@given(graphs(), st.data())
def test_a_subset_has_an_edge_for_each_path_over_removed_nodes(graph: Graph, data: st.DataObject) -> None:
    kept = data.draw(st.sets(st.sampled_from(sorted(graph))))
    expected = {
        (start, end)
        for start in kept
        for end in kept
        if start != end and networkx.has_path(graph.subgraph(set(graph) - kept | {start, end}), start, end)
    }
    found = subset(graph, kept)
    assert set(found) == kept
    assert set(found.edges) == expected


@settings(deadline=None)
@given(graphs(), st.data())
def test_a_node_waits_for_the_tests_whose_parents_are_all_upstream(graph: Graph, data: st.DataObject) -> None:
    names = sorted(graph)
    tested = data.draw(st.lists(st.sets(st.sampled_from(names), max_size=3), max_size=5), label="tested")
    tests = {f"t{number}": parents for number, parents in enumerate(tested)}
    waiting = data.draw(st.sets(st.sampled_from(names)), label="waiting")
    whole = graph.copy()
    whole.add_nodes_from(tests)
    whole.add_edges_from((parent, test) for test, parents in tests.items() for parent in parents)

    # dbt's own rule, edge for edge (dbt.compilation.Linker.add_test_edges_1)
    dbt = whole.copy()
    for node in waiting:
        upstream = networkx.ancestors(graph, node)
        dbt.add_edges_from((test, node) for test, parents in tests.items() if parents and parents <= upstream)

    ours = with_test_edges(whole, tests, waiting)
    assert closure(ours) == closure(dbt)
    assert set(ours.edges) <= set(dbt.edges)


def test_only_the_first_node_of_a_path_gets_the_test_edge() -> None:
    graph = build_graph({**DIAMOND, "t": ["a"], "both": ["b", "c"]})
    ours = with_test_edges(graph, {"t": ["a"], "both": ["b", "c"]}, ["a", "b", "c", "d", "e"])
    assert set(ours.edges) - set(graph.edges) == {("t", "b"), ("t", "c"), ("both", "d")}
    assert not set(graph.edges) - set(ours.edges)


@settings(deadline=None)
@given(graphs())
def test_without_detours_is_the_transitive_reduction(graph: Graph) -> None:
    found = without_detours(graph)
    assert set(found) == set(graph)
    assert set(found.edges) == set(networkx.transitive_reduction(graph).edges)


@settings(deadline=None)
@given(graphs(), st.data())
def test_bottom_levels_and_critical_path(graph: Graph, data: st.DataObject) -> None:
    seconds = {node: float(data.draw(st.integers(0, 9))) for node in sorted(graph)}
    levels = bottom_levels(graph, seconds)
    for node in graph:
        ends = {*networkx.descendants(graph, node), node}
        paths = [
            path for end in ends for path in networkx.all_simple_paths(graph, node, end) if end != node
        ] + [[node]]
        assert levels[node] == max(sum(seconds[member] for member in path) for path in paths)
    path = critical_path(graph, seconds)
    assert sum(seconds[node] for node in path) == max(levels.values())
    assert all(graph.has_edge(*edge) for edge in pairwise(path))


def test_an_empty_graph_has_no_path() -> None:
    empty = build_graph({})
    assert critical_path(empty, {}) == []
    assert topological_order(empty) == []


@settings(deadline=None)
@given(graphs())
def test_topological_order_does_not_depend_on_how_the_graph_was_made(graph: Graph) -> None:
    order = topological_order(graph)
    places = {node: place for place, node in enumerate(order)}
    assert set(places) == set(graph)
    assert all(places[parent] < places[child] for parent, child in graph.edges)
    again = build_graph(
        {node: sorted(graph.pred[node], reverse=True) for node in sorted(graph, reverse=True)}
    )
    assert topological_order(again) == order
