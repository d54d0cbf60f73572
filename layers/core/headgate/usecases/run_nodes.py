"""One runner's share of a step: lease, claim, finish, release, take over from the lost.

The runner (runner/headgate_runner) drives this from dbt's own threads: `next` from the main thread, `finish`
from the thread that collects results, `renew` from the heartbeat. Rules: docs/architecture.md, "The queue".
"""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from threading import Lock

from headgate.domain.instant import iso
from headgate.domain.plan import CLOSING, Plan
from headgate.domain.queue import Claim, NodeRecord, NodeState, expired, is_drained, void_epochs
from headgate.domain.results import NodeResult
from headgate.errors import LeaseLostError
from headgate.ports import Clock, NodeQueue

LEASE_SECONDS = 60.0
# How long a lease must be over before somebody else takes it: two clocks may differ by this much.
MARGIN_SECONDS = 10.0
# How long before the end of its lease a runner that could not renew it has stopped its own dbt.
FENCE_SECONDS = 10.0
SWEEP_SECONDS = 15.0
# How soon a step in which nothing is ready and nothing runs is looked at.
STALLED_SECONDS = 1.0
# How long a runner may go on claiming after another one has halted the step.
HALT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is ready now; ask again after a moment."""


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is left for this runner. `halted`: why the step was stopped early, if it was."""

    halted: str | None = None


class QueueSession:
    """One runner's session with the shared queue of one step."""

    def __init__(self, queue: NodeQueue, clock: Clock, plan: Plan, runner: int) -> None:
        self._queue, self._clock, self._plan, self._runner = queue, clock, plan, runner
        self._key = (plan.run_id, plan.step)
        self._epoch = 0
        self._until = 0.0
        self._hints: deque[str] = deque()
        self._held: set[str] = set()
        self._lock = Lock()
        self._swept_at = clock.now()
        self._priority = {node.unique_id: node.priority for node in plan.nodes}
        self._sole = {node.unique_id for node in plan.nodes if len(node.parents) < 2}
        self._halted: str | None = None
        self._halt_read_at = float("-inf")

    @property
    def epoch(self) -> int:
        return self._epoch

    @property
    def until(self) -> float:
        """When the lease ends, by this runner's clock (epoch seconds)."""
        return self._until

    def begin(self) -> None:
        """Take the lease. If an earlier attempt of this runner died, what it held goes back to the queue."""
        self._until = self._clock.now() + LEASE_SECONDS
        self._epoch = self._queue.take_lease(*self._key, self._runner, self._until)
        if self._epoch > 1:
            repair(self._queue, self._plan, lost=void_epochs(self._queue.runners(*self._key)))

    def renew(self) -> None:
        """Extend the lease. Raises LeaseLostError when it was taken over or ran out unnoticed."""
        now = self._clock.now()
        if now > self._until or not self._queue.renew_lease(
            *self._key, self._runner, self._epoch, now + LEASE_SECONDS
        ):
            raise LeaseLostError(f"runner {self._runner} lost its lease of epoch {self._epoch}")
        self._until = now + LEASE_SECONDS

    def next(self) -> Claim | Idle | Over:
        """The most urgent node that is ready, or what to do instead.

        Raises LeaseLostError once the lease ran out: what is claimed after that would be nobody's.
        """
        if self._clock.now() > self._until:
            raise LeaseLostError(f"the lease of runner {self._runner}, epoch {self._epoch}, ran out")
        halted = self._read_halted()
        if halted is not None:
            return Over(halted)
        claim = self._claim_first(self._take_hints())
        if claim is not None:
            return claim
        window = self._queue.open_nodes(*self._key, limit=2 * max(self._plan.runners, 4))
        claim = self._claim_first(self._mine_first(window))
        if claim is not None:
            return claim
        if is_drained(node for node, _ in window) and (CLOSING, NodeState.RUNNING) not in window:
            return self._close()
        # Somebody else builds what is left, or closes the step. Stay: if it is lost, somebody must take over.
        self._sweep(stalled=all(state is NodeState.WAITING for _, state in window))
        return Idle()

    def finish(self, unique_id: str, result: NodeResult | None, attached: Sequence[NodeResult] = ()) -> None:
        """Record a node's end and release its children. `attached`: its unit tests', or a hook's, results.

        Raises LeaseLostError when the record was refused: somebody else owns the node now.
        """
        at = self._timestamp()
        for other in attached:
            self._queue.record(*self._key, other, at)
        done = self._queue.finish(
            *self._key, unique_id, result, runner=self._runner, epoch=self._epoch, at=at
        )
        if not done:
            raise LeaseLostError(
                f"{unique_id} is no longer held by epoch {self._epoch} of runner {self._runner}"
            )
        with self._lock:
            self._held.discard(unique_id)
        skip = result is not None and result.blocks_children
        position = self._plan.positions.get(unique_id)
        for child in self._plan.children.get(unique_id, ()):
            if position is not None and self._queue.release(
                *self._key, child, position, skip=skip, sole=child in self._sole
            ):
                with self._lock:
                    self._hints.append(child)

    def halt(self, reason: str) -> None:
        """Stop the step for every runner: dbt itself could not go on (a database that is down, a bad profile)."""
        self._queue.halt(*self._key, reason)
        self._halt_read_at = float("-inf")

    def hand_back(self, unique_ids: Collection[str] | None = None) -> list[str]:
        """Return these claims, or all that are still held, so that another runner builds them. For SIGTERM."""
        with self._lock:
            held = sorted(self._held if unique_ids is None else self._held.intersection(unique_ids))
            self._held.difference_update(held)
        return [
            node
            for node in held
            if self._queue.hand_back(*self._key, node, runner=self._runner, epoch=self._epoch)
        ]

    def end(self, error: str | None = None) -> None:
        """Give the lease back; `error` says why a runner that did not finish its share stopped."""
        self._queue.end_lease(*self._key, self._runner, self._epoch, error)

    def _close(self) -> Claim | Idle | Over:
        # The index may lag: what it calls drained is believed only after a consistent read.
        open_nodes = dict(self._queue.open_nodes(*self._key, consistent=True))
        if not is_drained(open_nodes):
            return Idle()
        if CLOSING not in open_nodes:
            return Over()
        self._queue.make_ready(*self._key, CLOSING)
        return self._claim_first([CLOSING]) or Idle()

    def _read_halted(self) -> str | None:
        now = self._clock.now()
        if now - self._halt_read_at >= HALT_SECONDS:
            self._halt_read_at = now
            step = self._queue.step(*self._key)
            self._halted = step.halted if step is not None else None
        return self._halted

    def _take_hints(self) -> list[str]:
        with self._lock:
            hints = dict.fromkeys(self._hints)
            self._hints.clear()
        return sorted(hints, key=lambda node: -self._priority.get(node, 0.0))

    def _mine_first(self, window: Sequence[tuple[str, NodeState]]) -> list[str]:
        ready = [node for node, state in window if state is NodeState.READY]
        # Runners that ask at the same moment start at different places of the list: fewer lost claims.
        start = (self._runner - 1) % max(1, min(len(ready), self._plan.runners))
        return ready[start:] + ready[:start]

    def _claim_first(self, candidates: Sequence[str]) -> Claim | None:
        rest = list(candidates)
        while rest:
            unique_id = rest.pop(0)
            record = self._queue.claim(
                *self._key, unique_id, runner=self._runner, epoch=self._epoch, at=self._timestamp()
            )
            if record is not None:
                with self._lock:
                    self._held.add(unique_id)
                    self._hints.extendleft(reversed(rest))
                return Claim(unique_id, record.skip, record.claims)
        return None

    def _sweep(self, *, stalled: bool) -> None:
        """Take over from the lost. `stalled`: nodes wait and nobody builds, so a release must be missing.

        That happens when a runner is killed while its last write is on its way: the write lands after whoever
        took over had looked.
        """
        now = self._clock.now()
        if now - self._swept_at < (STALLED_SECONDS if stalled else SWEEP_SECONDS):
            return
        self._swept_at = now
        for record in expired(self._queue.runners(*self._key), now, MARGIN_SECONDS):
            self._queue.expire_lease(*self._key, record)
        # Not only those just expired: whoever expired the others may have died before it handed back for them.
        lost = void_epochs(self._queue.runners(*self._key))
        if lost or stalled:
            repair(self._queue, self._plan, lost=lost)

    def _timestamp(self) -> str:
        return iso(self._clock.now())


def repair(queue: NodeQueue, plan: Plan, *, lost: dict[int, int]) -> None:
    """Make the queue agree with its own records: hand back what lost runners held, replay missing releases.

    lost: runner -> the epoch below which its claims are void. Safe to repeat, and safe beside live runners.
    """
    key = (plan.run_id, plan.step)
    nodes = queue.nodes(*key)
    for node in nodes:
        if _held_by_lost(node, lost) and node.runner is not None and node.epoch is not None:
            queue.hand_back(*key, node.unique_id, runner=node.runner, epoch=node.epoch)
    done = {node.position: node for node in nodes if node.state is NodeState.DONE}
    for node in nodes:
        if node.state is NodeState.WAITING and not node.waits:
            # Released by its last parent, whose runner died before the second write of the release.
            queue.make_ready(*key, node.unique_id)
        for position in node.waits & done.keys():
            result = done[position].result
            queue.release(*key, node.unique_id, position, skip=result is not None and result.blocks_children)


def _held_by_lost(node: NodeRecord, lost: dict[int, int]) -> bool:
    if node.state is not NodeState.RUNNING or node.runner not in lost:
        return False
    return node.epoch is not None and node.epoch < lost[node.runner]
