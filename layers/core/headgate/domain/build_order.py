"""What a verb builds, and in which order dbt's own queue would hand it out.

The tasks are those of dbt-core 1.11 (dbt.task.build, run, test, seed, snapshot). Only `dbt build` makes a node wait
for the tests of what lies upstream; the others order their nodes by dependencies alone.
"""

from collections.abc import Iterable

from headgate.domain.command import Command
from headgate.domain.graph import Graph, build_graph, subset, with_test_edges, without_detours
from headgate.domain.index import Index

# BuildTask.RUNNER_MAP, and what the selectors of the other tasks keep.
_BUILT = {
    "build": frozenset(
        {"model", "snapshot", "seed", "test", "unit_test", "saved_query", "exposure", "function"}
    ),
    "run": frozenset({"model"}),
    "test": frozenset({"test", "unit_test"}),
    "seed": frozenset({"seed"}),
    "snapshot": frozenset({"snapshot"}),
}


def resource_types(command: Command) -> frozenset[str]:
    """The types of nodes that this graph command builds (dbt.task.base.resource_types_from_args)."""
    every = _BUILT[command.verb]
    asked = set(command.resource_types)
    wanted = every if not asked or asked & {"all", "default"} else every & asked
    return wanted - set(command.exclude_resource_types)


def build_queue_graph(index: Index, queued: Iterable[str], verb: str = "build") -> Graph:
    """The order in which dbt's queue would hand out these nodes, with no wait that follows from another.

    dbt adds the test edges to the whole project's graph first and takes the subset then: a node also waits
    for a test whose model is not selected. The queue's own graph has more edges; its order is the same.
    """
    graph = build_graph({unique_id: node.depends_on for unique_id, node in index.nodes.items()})
    if verb == "build":
        tests = {
            unique_id: node.depends_on
            for unique_id, node in index.nodes.items()
            if node.resource_type == "test"
        }
        waiting = [
            node.unique_id for node in index.nodes.values() if node.is_parsed and node.unique_id not in tests
        ]
        graph = with_test_edges(graph, tests, waiting)
    return without_detours(subset(graph, set(queued)))
