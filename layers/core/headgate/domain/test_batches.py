"""Which tests of a plan share a query (`reuse.batch_tests`), and what that makes of the plan.

One of them, the leader, gets the turn of all; the others stay in the plan, attached to it, with results of their own.
Whoever waited for one of them waits for the leader.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from headgate.domain.graph import bottom_levels, build_graph, topological_order
from headgate.domain.index import Index
from headgate.domain.plan import PlannedNode

# A statement of more tests is slow to plan for the warehouse, and its timeout is hard to choose.
MOST = 50


def batched(
    nodes: Sequence[PlannedNode], index: Index, *, store_failures: bool = False
) -> tuple[PlannedNode, ...]:
    """The plan's nodes with `batch` and `leader` set, in an order in which parents still come first.

    Only tests that are built, of one node that is no ephemeral model (its code would be part of each test's).
    store_failures: the command's `--store-failures`, with which every test writes a table of its own; nothing changes.
    """
    groups = [] if store_failures else _groups(nodes, index)
    if not groups:
        return tuple(nodes)
    leader_of = {one.unique_id: group[0].unique_id for group in groups for one in group}
    led = {group[0].unique_id: _led(group) for group in groups}
    joined = [led.get(node.unique_id) or _joined(node, leader_of) for node in nodes]
    return _ordered([_after_leaders(node, leader_of) for node in joined])


def _groups(nodes: Sequence[PlannedNode], index: Index) -> list[list[PlannedNode]]:
    found: dict[tuple[object, ...], list[PlannedNode]] = defaultdict(list)
    for node in sorted(nodes, key=lambda node: node.unique_id):
        if node.is_built and _may_share(node.unique_id, index):
            # Tests of one node wait for the same; those that do not could wait for each other's children.
            key = (index.nodes[node.unique_id].depends_on, frozenset(node.parents), node.pools)
            found[key].append(node)
    return [
        alike[start : start + MOST]
        for alike in found.values()
        for start in range(0, len(alike), MOST)
        if len(alike) - start > 1
    ]


def _may_share(unique_id: str, index: Index) -> bool:
    test = index.nodes[unique_id]
    if test.code.batch is None or len(test.depends_on) != 1:
        return False
    tested = index.nodes.get(test.depends_on[0])
    return tested is not None and tested.materialized != "ephemeral"


def _led(group: Sequence[PlannedNode]) -> PlannedNode:
    timeouts = [node.timeout_seconds for node in group]
    return replace(
        group[0],
        batch=tuple(node.unique_id for node in group[1:]),
        predicted_seconds=round(sum(node.predicted_seconds for node in group), 3),
        # Alone, each would have its own time.
        timeout_seconds=None if None in timeouts else sum(filter(None, timeouts)),
    )


def _joined(node: PlannedNode, leader_of: Mapping[str, str]) -> PlannedNode:
    leader = leader_of.get(node.unique_id, "")
    return replace(node, leader=leader, predicted_seconds=0.0, pools=()) if leader else node


def _after_leaders(node: PlannedNode, leader_of: Mapping[str, str]) -> PlannedNode:
    parents = dict.fromkeys(leader_of.get(parent, parent) for parent in node.parents)
    return replace(node, parents=tuple(sorted(parents))) if set(parents) != set(node.parents) else node


def _ordered(nodes: Sequence[PlannedNode]) -> tuple[PlannedNode, ...]:
    """Parents first; priorities anew, since a leader's turn is longer than its own test was."""
    by_id = {node.unique_id: node for node in nodes}
    graph = build_graph({node.unique_id: node.parents for node in nodes})
    seconds = {node.unique_id: node.predicted_seconds if node.is_built else 0.0 for node in nodes}
    levels = bottom_levels(graph, seconds)
    return tuple(
        replace(by_id[unique_id], priority=round(levels[unique_id], 3))
        for unique_id in topological_order(graph)
    )
