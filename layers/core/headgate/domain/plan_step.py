"""Planning a step: an index, a command and predictions become a Plan. What is planned is what dbt would queue.

Which nodes and which order: BuildTask of dbt-core 1.11 with its test edges. How many runners: as many as the
critical path lets be busy, K = ceil(1.15 * work / (critical path * threads)); more never end sooner.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import ceil
from statistics import median

from headgate.domain.command import Command
from headgate.domain.graph import (
    Graph,
    bottom_levels,
    subset,
    topological_order,
    with_test_edges,
    without_detours,
)
from headgate.domain.job import Environment
from headgate.domain.manifest import Index, Node
from headgate.domain.plan import Plan, PlannedNode
from headgate.domain.selection.resolve import Resolver, dependencies
from headgate.errors import PlanError

# BuildTask.RUNNER_MAP without unit tests, which run within their model's turn.
BUILT = frozenset({"model", "snapshot", "seed", "test", "saved_query", "exposure", "function"})

# Seconds of a node that was never built and has no relative of its materialisation that was. They say little
# about any warehouse; what counts is their order: tables cost most, views and exposures next to nothing.
UNKNOWN_SECONDS = {
    "table": 10.0,
    "incremental": 10.0,
    "materialized_view": 10.0,
    "snapshot": 10.0,
    "seed": 3.0,
    "view": 1.0,
    "function": 1.0,
    "test": 2.0,
    "unit_test": 2.0,
    "ephemeral": 0.1,
    "exposure": 0.1,
    "saved_query": 0.1,
}
_UNKNOWN_MATERIALIZATION = 10.0
# Room for predictions that are too low: 15 % more work than predicted still keeps every runner busy.
_SLACK = 1.15


def plan_step(
    index: Index,
    command: Command,
    *,
    run_id: int,
    step: int,
    bundle: str,
    environment: Environment,
    predictions: Mapping[str, float],
) -> Plan:
    """What one step builds, in which order and with how many runners; the same input gives the same plan.

    predictions: unique_id -> seconds, of nodes that were built before. A selection that matches nothing is a
    plan with no nodes and no runners. Raises SelectionError, and PlanError when the project needs a
    definition that is not understood.
    """
    selected, notes = _selected(index, command)
    unit_tests = _unit_tests(index, selected)
    graph = build_queue_graph(index, {node for node in selected if index.nodes[node].resource_type in BUILT})
    notes += [_orphan(test, index) for test in sorted(selected) if _is_orphan(index.nodes[test], selected)]
    own = _Predictions(index, predictions)
    seconds = {node: own.of(node) + sum(map(own.of, unit_tests.get(node, ()))) for node in graph}
    levels = bottom_levels(graph, seconds)
    work, critical = sum(seconds.values()), max(levels.values(), default=0.0)
    return Plan(
        run_id=run_id,
        step=step,
        command=command,
        bundle=bundle,
        environment=environment.name,
        nodes=tuple(
            PlannedNode(
                unique_id=unique_id,
                resource_type=index.nodes[unique_id].resource_type,
                materialized=index.nodes[unique_id].materialized,
                parents=tuple(sorted(graph.pred[unique_id])),
                predicted_seconds=round(seconds[unique_id], 3),
                priority=round(levels[unique_id], 3),
                unit_tests=unit_tests.get(unique_id, ()),
            )
            for unique_id in topological_order(graph)
        ),
        runners=count_runners(len(graph), work, critical, environment),
        threads=environment.threads,
        work_seconds=round(work, 3),
        critical_path_seconds=round(critical, 3),
        notes=tuple(notes),
    )


def count_runners(nodes: int, work: float, critical_path: float, environment: Environment) -> int:
    """How many runners can be kept busy; at most the environment's, and never one that would get no node."""
    if not nodes:
        return 0
    useful = ceil(_SLACK * work / (critical_path * environment.threads)) if critical_path > 0 else 1
    return max(1, min(useful, environment.runners.max, ceil(nodes / environment.threads)))


def build_queue_graph(index: Index, queued: Iterable[str]) -> Graph:
    """The order in which dbt's build queue would hand out these nodes, with no wait that follows from another.

    dbt adds the test edges to the whole project's graph first and takes the subset then: a node also waits
    for a test whose model is not selected. The queue's own graph has more edges; its order is the same.
    """
    tests = {
        unique_id: node.depends_on for unique_id, node in index.nodes.items() if node.resource_type == "test"
    }
    waiting = [
        node.unique_id for node in index.nodes.values() if node.is_parsed and node.unique_id not in tests
    ]
    return without_detours(subset(with_test_edges(dependencies(index), tests, waiting), set(queued)))


def _selected(index: Index, command: Command) -> tuple[set[str], list[str]]:
    if index.default_selector and not command.select and not command.exclude:
        raise PlanError(
            f"selectors.yml makes {index.default_selector!r} the default selector, which is not read yet: "
            "say with --select what this step builds"
        )
    resolved = Resolver(index).resolve(command.select, command.exclude)
    notes = [f"{part!r} matches nothing that is enabled" for part in resolved.unmatched]
    return {node for node in resolved.nodes if not index.nodes[node].empty}, notes


def _unit_tests(index: Index, selected: set[str]) -> dict[str, tuple[str, ...]]:
    """model -> its selected unit tests; dbt runs them before the model, in the same turn."""
    found: dict[str, list[str]] = defaultdict(list)
    for unique_id in sorted(selected):
        node = index.nodes[unique_id]
        if node.resource_type == "unit_test" and node.tested in selected:
            found[str(node.tested)].append(unique_id)
    return {model: tuple(tests) for model, tests in found.items()}


def _is_orphan(node: Node, selected: set[str]) -> bool:
    return node.resource_type == "unit_test" and node.tested not in selected


def _orphan(test: str, index: Index) -> str:
    return f"{test} is selected, but dbt runs a unit test only together with its model {index.nodes[test].tested}"


class _Predictions:
    """Seconds of a node: its own, else the median of its materialisation, else UNKNOWN_SECONDS."""

    def __init__(self, index: Index, known: Mapping[str, float]) -> None:
        alike: dict[str, list[float]] = defaultdict(list)
        for unique_id, seconds in known.items():
            if unique_id in index.nodes:
                alike[index.nodes[unique_id].materialized].append(seconds)
        self._index, self._known = index, known
        self._medians = {materialized: median(seconds) for materialized, seconds in alike.items()}

    def of(self, unique_id: str) -> float:
        if unique_id in self._known:
            return self._known[unique_id]
        materialized = self._index.nodes[unique_id].materialized
        unknown = UNKNOWN_SECONDS.get(materialized, _UNKNOWN_MATERIALIZATION)
        return self._medians.get(materialized, unknown)
