"""What a project's graph must not have: edges that lead nowhere, and cycles."""

from graphlib import CycleError, TopologicalSorter

from headgate.domain.first_of import first_of
from headgate.domain.index import Index
from headgate.errors import ManifestError

_NAMED = 5


def check_dependencies(index: Index, found_at: str) -> None:
    """Raises ManifestError, which names `found_at` and the nodes."""
    missing = sorted(
        f"{node.unique_id} -> {parent}"
        for node in index.nodes.values()
        for parent in node.depends_on
        if parent not in index.nodes
    )
    if missing:
        raise ManifestError(f"{found_at}: nodes depend on what is not there: {first_of(missing, _NAMED)}")
    sorter = TopologicalSorter({node.unique_id: node.depends_on for node in index.nodes.values()})
    try:
        sorter.prepare()
    except CycleError as fault:
        raise ManifestError(
            f"{found_at}: nodes depend on each other: {' -> '.join(fault.args[1])}"
        ) from fault
