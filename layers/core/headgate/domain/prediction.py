"""How long a node will probably take: by its own earlier builds, else like others of its materialisation.

What is remembered of a node belongs to the way it was built: a model that became incremental, or that is built in
full, says nothing by what it took before.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median

from headgate.domain.index import Index
from headgate.domain.plan import Plan
from headgate.domain.results import NodeResult, NodeStatus

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
_RAN = frozenset({NodeStatus.SUCCESS, NodeStatus.PASS, NodeStatus.WARN, NodeStatus.FAIL})


def build_key(unique_id: str, materialized: str, *, full_refresh: bool) -> str:
    """The name under which the duration of such a build is remembered (History).

    Only an incremental model takes another way when it is refreshed in full.
    """
    full = " in full" if full_refresh and materialized == "incremental" else ""
    return f"{unique_id} as {materialized}{full}"


def durations(results: Iterable[NodeResult], plan: Plan) -> dict[str, float]:
    """build_key -> seconds, of the nodes that really ran: what predictions are learnt from."""
    built = {node.unique_id: node.materialized for node in plan.nodes}
    built |= {test: "unit_test" for node in plan.nodes for test in node.unit_tests}
    return {
        build_key(r.unique_id, built[r.unique_id], full_refresh=plan.command.full_refresh): r.seconds
        for r in results
        if r.status in _RAN and r.seconds > 0 and r.unique_id in built
    }


class Predictions:
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
