"""The shared queue in memory: the same conditional writes, each under one lock."""

import copy
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import replace
from threading import RLock

from headgate.domain.plan import OPENING
from headgate.domain.queue import UNPLANNED, NodeRecord, NodeState, RunnerRecord, StepRecord
from headgate.domain.results import MESSAGE_LENGTH, NodeResult

_ORDER = {NodeState.READY: 0, NodeState.RUNNING: 1, NodeState.WAITING: 2}
Key = tuple[int, int]
# Ready ones first, most urgent first.
Place = tuple[int, float, str]


class MemoryNodeQueue:
    """NodeQueue without a service. Records are frozen and results are copied, so callers share nothing."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._steps: dict[Key, StepRecord] = {}
        self._nodes: dict[Key, dict[str, NodeRecord]] = {}
        self._runners: dict[Key, dict[int, RunnerRecord]] = {}
        # What is not done, always in order: a claim looks at the first few of thousands.
        self._open: dict[Key, list[Place]] = {}

    def write(self, step: StepRecord, nodes: Sequence[NodeRecord]) -> None:
        with self._lock:
            if (step.run_id, step.step) in self._steps:
                return
            key = (step.run_id, step.step)
            self._nodes[key] = {node.unique_id: copy.deepcopy(node) for node in nodes}
            self._open[key] = sorted(_place(node) for node in nodes if node.state in _ORDER)
            self._steps[key] = step

    def step(self, run_id: int, step: int) -> StepRecord | None:
        with self._lock:
            return self._steps.get((run_id, step))

    def halt(self, run_id: int, step: int, reason: str) -> bool:
        with self._lock:
            record = self._steps.get((run_id, step))
            if record is None or record.halted is not None:
                return False
            self._steps[run_id, step] = replace(record, halted=reason)
            return True

    def fail_fast(self, run_id: int, step: int, unique_id: str) -> bool:
        with self._lock:
            record = self._steps.get((run_id, step))
            if record is None or record.failed_fast is not None:
                return False
            self._steps[run_id, step] = replace(record, failed_fast=unique_id)
            return True

    def open_nodes(
        self, run_id: int, step: int, *, limit: int | None = None, consistent: bool = False
    ) -> list[tuple[str, NodeState]]:
        with self._lock:
            nodes = self._of(run_id, step)
            if consistent:
                found = [node.unique_id for node in nodes.values() if node.state in _ORDER][:limit]
            else:
                found = [unique_id for _, _, unique_id in self._open.get((run_id, step), [])[:limit]]
            return [(unique_id, nodes[unique_id].state) for unique_id in found]

    def claim(
        self, run_id: int, step: int, unique_id: str, *, runner: int, epoch: int, at: str
    ) -> NodeRecord | None:
        with self._lock:
            node = self._of(run_id, step).get(unique_id)
            if node is None or node.state is not NodeState.READY:
                return None
            return self._set(
                (run_id, step),
                replace(
                    node,
                    state=NodeState.RUNNING,
                    runner=runner,
                    epoch=epoch,
                    claims=node.claims + 1,
                    started_at=at,
                ),
            )

    def finish(
        self,
        run_id: int,
        step: int,
        unique_id: str,
        result: NodeResult | None,
        *,
        runner: int,
        epoch: int,
        at: str,
    ) -> bool:
        with self._lock:
            node = self._of(run_id, step).get(unique_id)
            if node is None or (node.runner, node.epoch) != (runner, epoch):
                return False
            if node.state is NodeState.DONE:
                return True
            if node.state is not NodeState.RUNNING:
                return False
            self._set((run_id, step), _ended(node, result, at))
            return True

    def record(self, run_id: int, step: int, result: NodeResult, at: str, *, last_word: bool = False) -> None:
        kind = result.unique_id.partition(".")[0]
        with self._lock:
            known = self._of(run_id, step).get(result.unique_id)
            node = known or NodeRecord(
                result.unique_id,
                UNPLANNED,
                kind,
                kind,
                NodeState.ATTACHED,
                priority=0.0,
                predicted_seconds=0.0,
            )
            if last_word or node.state is not NodeState.DONE:
                self._set((run_id, step), _ended(replace(node, runner=result.runner), result, at))

    def release(
        self,
        run_id: int,
        step: int,
        unique_id: str,
        parent: int,
        *,
        skip: bool,
        sole: bool = False,  # noqa: ARG002 - one lock, one write
    ) -> bool:
        with self._lock:
            node = self._of(run_id, step).get(unique_id)
            if node is None or node.state is not NodeState.WAITING:
                return False
            waits = node.waits - {parent}
            state = NodeState.WAITING if waits else NodeState.READY
            self._set((run_id, step), replace(node, waits=waits, skip=node.skip or skip, state=state))
            return state is NodeState.READY

    def make_ready(self, run_id: int, step: int, unique_id: str) -> bool:
        with self._lock:
            node = self._of(run_id, step).get(unique_id)
            if node is None or node.state is not NodeState.WAITING:
                return False
            self._set((run_id, step), replace(node, waits=frozenset(), state=NodeState.READY))
            return True

    def correct(
        self,
        run_id: int,
        step: int,
        unique_id: str,
        *,
        seen: frozenset[int],
        waits: frozenset[int],
        skip: bool,
    ) -> bool:
        with self._lock:
            node = self._of(run_id, step).get(unique_id)
            if node is None or node.state not in (NodeState.WAITING, NodeState.READY) or node.waits != seen:
                return False
            self._set((run_id, step), replace(node, state=NodeState.WAITING, waits=waits, skip=skip))
            return True

    def hand_back(
        self, run_id: int, step: int, unique_id: str, *, runner: int, epoch: int, uncertain: bool = False
    ) -> bool:
        with self._lock:
            node = self._of(run_id, step).get(unique_id)
            if node is None or node.state is not NodeState.RUNNING:
                return False
            if (node.runner, node.epoch) != (runner, epoch):
                return False
            self._set(
                (run_id, step),
                replace(
                    node,
                    state=NodeState.READY,
                    runner=None,
                    epoch=None,
                    started_at=None,
                    uncertain=node.uncertain or uncertain,
                ),
            )
            return True

    def revive(
        self, run_id: int, step: int, unique_id: str, priority: float, *, runner: int, epoch: int
    ) -> bool:
        with self._lock:
            nodes = self._of(run_id, step)
            opening, node = nodes.get(OPENING), nodes.get(unique_id)
            if opening is None or opening.state is not NodeState.RUNNING:
                return False
            if (opening.runner, opening.epoch) != (runner, epoch):
                return False
            if node is None or node.state is not NodeState.DONE or node.claims:
                return False
            waits = frozenset({opening.position})
            back = replace(node, state=NodeState.WAITING, waits=waits, priority=priority, result=None)
            self._set((run_id, step), back)
            return True

    def nodes(self, run_id: int, step: int) -> list[NodeRecord]:
        with self._lock:
            found = sorted(self._of(run_id, step).values(), key=lambda node: (node.position, node.unique_id))
        return [replace(node, result=_short(node.result)) for node in found]

    def results(self, run_id: int, step: int) -> list[NodeResult]:
        with self._lock:
            found = sorted(self._of(run_id, step).values(), key=lambda node: (node.position, node.unique_id))
        return [copy.deepcopy(node.result) for node in found if node.result is not None]

    def take_lease(self, run_id: int, step: int, runner: int, until: float, *, at: float = 0.0) -> int:
        with self._lock:
            known = self._leases(run_id, step).get(runner)
            epoch = known.epoch + 1 if known else 1
            self._leases(run_id, step)[runner] = RunnerRecord(runner, epoch, until, taken_at=at)
            return epoch

    def renew_lease(self, run_id: int, step: int, runner: int, epoch: int, until: float) -> bool:
        with self._lock:
            known = self._leases(run_id, step).get(runner)
            if known is None or known.epoch != epoch or known.ended:
                return False
            self._leases(run_id, step)[runner] = replace(known, until=until)
            return True

    def end_lease(self, run_id: int, step: int, runner: int, epoch: int, error: str | None) -> bool:
        with self._lock:
            known = self._leases(run_id, step).get(runner)
            if known is None or known.epoch != epoch:
                return False
            self._leases(run_id, step)[runner] = replace(known, ended=True, error=error or known.error)
            return True

    def expire_lease(self, run_id: int, step: int, seen: RunnerRecord) -> bool:
        with self._lock:
            known = self._leases(run_id, step).get(seen.runner)
            if known is None or (known.epoch, known.until, known.ended) != (seen.epoch, seen.until, False):
                return False
            self._leases(run_id, step)[seen.runner] = replace(known, epoch=known.epoch + 1, ended=True)
            return True

    def runners(self, run_id: int, step: int) -> list[RunnerRecord]:
        with self._lock:
            return sorted(self._leases(run_id, step).values(), key=lambda record: record.runner)

    def _of(self, run_id: int, step: int) -> dict[str, NodeRecord]:
        return self._nodes.setdefault((run_id, step), {})

    def _leases(self, run_id: int, step: int) -> dict[int, RunnerRecord]:
        return self._runners.setdefault((run_id, step), {})

    def _set(self, key: Key, node: NodeRecord) -> NodeRecord:
        before = self._nodes[key].get(node.unique_id)
        places = self._open.setdefault(key, [])
        if before is not None and before.state in _ORDER:
            del places[bisect_left(places, _place(before))]
        if node.state in _ORDER:
            insort(places, _place(node))
        self._nodes[key][node.unique_id] = node
        return node


def _place(node: NodeRecord) -> Place:
    return _ORDER[node.state], -node.priority, node.unique_id


def _ended(node: NodeRecord, result: NodeResult | None, at: str) -> NodeRecord:
    copied = copy.deepcopy(result)
    return replace(node, state=NodeState.DONE, waits=frozenset(), finished_at=at, result=copied)


def _short(result: NodeResult | None) -> NodeResult | None:
    if result is None:
        return None
    entry = {
        "unique_id": result.unique_id,
        "status": result.status.value,
        "message": result.message[:MESSAGE_LENGTH],
        "execution_time": result.seconds,
        "failures": result.entry.get("failures"),
    }
    return replace(result, entry=entry)
