"""Make a step's queue agree with its own records: whoever is done is done, and everything else follows from the plan.

Lost runners' claims go back, missing releases are replayed, waiting sets that hold anything else than the unfinished
parents are written anew. Every change is a conditional write, so live runners may go on meanwhile.
"""

from collections.abc import Iterable, Mapping

from headgate.domain.plan import Plan
from headgate.domain.queue import NodeRecord, NodeState, unfinished_parents
from headgate.ports import NodeQueue

# Wrong waiting sets are written after a second look; a third sees what was done between the two.
_LOOKS = 3


def repair_queue(queue: NodeQueue, plan: Plan, lost: Mapping[int, int]) -> list[str]:
    """The nodes that were changed. Safe to repeat, and safe beside live runners.

    lost: runner -> the epoch below which its claims are void (domain/queue.py: void_epochs).
    """
    key = (plan.run_id, plan.step)
    nodes = queue.nodes(*key)
    changed = [node.unique_id for node in nodes if _take_back(queue, key, node, lost)]
    suspects: dict[str, NodeRecord] = {}
    for _ in range(_LOOKS):
        sweep = _Sweep(queue, plan, nodes)
        changed += sweep.finish_releases()
        changed += sweep.correct(suspects)
        suspects = sweep.wrong()
        if not suspects:
            break
        nodes = queue.nodes(*key)
    return list(dict.fromkeys(changed))


def _take_back(queue: NodeQueue, key: tuple[int, int], node: NodeRecord, lost: Mapping[int, int]) -> bool:
    if node.state is not NodeState.RUNNING or node.runner is None or node.epoch is None:
        return False
    if node.epoch >= lost.get(node.runner, 0):
        return False
    # Nobody knows how far that attempt came.
    return queue.hand_back(*key, node.unique_id, runner=node.runner, epoch=node.epoch, uncertain=True)


class _Sweep:
    """One look at all records, and what follows from it.

    Reading them takes several requests. Done is final, so a parent that is done in this look is certain; one that is
    not may have ended, and released its children, while they were read.
    """

    def __init__(self, queue: NodeQueue, plan: Plan, nodes: Iterable[NodeRecord]) -> None:
        self._queue, self._key = queue, (plan.run_id, plan.step)
        self._nodes = {node.unique_id: node for node in nodes}
        self._due = unfinished_parents(plan, self._nodes.values())
        self._parents = {node.unique_id: node.parents for node in plan.nodes}
        self._batches = {node.unique_id: node.batch for node in plan.nodes if node.batch}
        ended = [node for node in self._nodes.values() if node.state is NodeState.DONE]
        # position -> whether this end makes children skip
        self._done = {node.position: self._blocks(node) for node in ended}

    def _blocks(self, node: NodeRecord) -> bool:
        """Its own end, or that of a test that ran in its turn."""
        family = (node, *(self._nodes[test] for test in self._batches.get(node.unique_id, ())))
        return any(one.result is not None and one.result.blocks_children for one in family)

    def finish_releases(self) -> list[str]:
        """Replay what a runner that died between finish and release, or within a release, left out."""
        return [node.unique_id for node in self._nodes.values() if self._replay(node)]

    def _replay(self, node: NodeRecord) -> bool:
        if node.state is not NodeState.WAITING or node.unique_id not in self._due:
            return False
        over = sorted(node.waits & self._done.keys() - self._due[node.unique_id])
        for position in over:
            skip = position in self._blocking(node)
            self._queue.release(*self._key, node.unique_id, position, skip=skip)
        if self._due[node.unique_id]:
            return bool(over)
        for position in self._blocking(node) - node.waits:
            # It was released without the mark, or its position never was in the set.
            self._queue.release(*self._key, node.unique_id, position, skip=True)
        self._queue.make_ready(*self._key, node.unique_id)
        return True

    def _blocking(self, node: NodeRecord) -> set[int]:
        """Positions of the parents whose end makes this node skip."""
        parents = (self._nodes[parent].position for parent in self._parents.get(node.unique_id, ()))
        return {position for position in parents if self._done.get(position, False)}

    def wrong(self) -> dict[str, NodeRecord]:
        """Nodes that wait for anything else than they should, or are ready too early, as far as this look can say."""
        return {unique_id: node for unique_id, node in self._nodes.items() if self._is_wrong(node)}

    def _is_wrong(self, node: NodeRecord) -> bool:
        if node.state not in (NodeState.WAITING, NodeState.READY):
            return False
        due = self._due.get(node.unique_id, frozenset())
        return bool(due) and node.waits - self._done.keys() != due

    def correct(self, suspects: Mapping[str, NodeRecord]) -> list[str]:
        """Write the waiting sets of those that the look before called wrong and that did not change since.

        Their missing parents are not done in this look, which began after that one: they were not done then either.
        """
        wrong = self.wrong()
        return [
            unique_id
            for unique_id, before in suspects.items()
            if wrong.get(unique_id) == before and self._write(before)
        ]

    def _write(self, node: NodeRecord) -> bool:
        return self._queue.correct(
            *self._key,
            node.unique_id,
            seen=node.waits,
            waits=self._due[node.unique_id],
            skip=bool(self._blocking(node)),
        )
