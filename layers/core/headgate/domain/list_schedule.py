"""When each node of a plan would be built: list scheduling, as the runners do it.

Whenever a thread is free, the ready node with the highest priority begins, if its pools have places.
"""

from dataclasses import dataclass
from heapq import heappop, heappush

from headgate.domain.plan import Engine, Plan, PlannedNode


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in epoch seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def schedule(plan: Plan, begins: float) -> dict[str, Span]:
    """unique_id -> when, of every node that is built; pools and threads are as the plan has them."""
    spans = _Schedule(plan).run(begins)
    # Tests that share a query have their leader's turn.
    led = {node.unique_id: spans[node.leader] for node in plan.nodes if node.leader in spans}
    return spans | led


class _Schedule:
    """One pass over a plan's nodes. What is ready lies in one heap for each set of pools: whole heaps wait or begin."""

    def __init__(self, plan: Plan) -> None:
        self._nodes = {node.unique_id: node for node in plan.nodes if node.is_built and not node.leader}
        self._waits = {
            name: sum(parent in self._nodes for parent in node.parents) for name, node in self._nodes.items()
        }
        self._children = plan.children
        self._free = plan.threads * (1 if plan.engine is Engine.COMMAND else max(1, plan.runners))
        self._places = dict(plan.pools)
        self._ready: dict[tuple[str, ...], list[tuple[float, str]]] = {}
        self._running: list[tuple[float, str]] = []
        self._spans: dict[str, Span] = {}

    def run(self, begins: float) -> dict[str, Span]:
        for name, waits in self._waits.items():
            if waits == 0:
                self._offer(name)
        self._start(begins)
        while self._running:
            now, name = heappop(self._running)
            self._end(name)
            # Whatever ends at the same moment ends first: then the most urgent of all that is ready begins.
            while self._running and self._running[0][0] <= now:
                self._end(heappop(self._running)[1])
            self._start(now)
        return self._spans

    def _offer(self, name: str) -> None:
        node = self._nodes[name]
        heappush(self._ready.setdefault(node.pools, []), (-node.priority, name))

    def _start(self, now: float) -> None:
        while self._free and (heap := self._most_urgent()):
            name = heappop(heap)[1]
            node = self._nodes[name]
            self._take(node, 1)
            end = now + node.predicted_seconds
            self._spans[name] = Span(now, end)
            heappush(self._running, (end, name))

    def _most_urgent(self) -> list[tuple[float, str]]:
        """The heap whose first node may begin; an empty one if nothing may."""
        open_heaps = (
            heap
            for pools, heap in self._ready.items()
            if heap and all(self._places.get(pool, 1) > 0 for pool in pools)
        )
        return min(open_heaps, key=lambda heap: heap[0], default=[])

    def _end(self, name: str) -> None:
        self._take(self._nodes[name], -1)
        for child in self._children.get(name, ()):
            if child in self._waits:
                self._waits[child] -= 1
                if self._waits[child] == 0:
                    self._offer(child)

    def _take(self, node: PlannedNode, places: int) -> None:
        self._free -= places
        for pool in node.pools:
            if pool in self._places:
                self._places[pool] -= places
