"""One runner's share of a step: lease, claim, finish, release, take over from the lost.

The runner (runner/headgate_runner) drives this from dbt's own threads: `next` from the main thread, `finish`
from the thread that built the node, `renew` from the heartbeat. Rules: docs/architecture.md, "The queue".
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from headgate.domain.decision import Decision
from headgate.domain.instant import iso
from headgate.domain.plan import CLOSING, COMMAND, OPENING, Plan
from headgate.domain.queue import (
    Claim,
    NodeState,
    is_drained,
    void_epochs,
)
from headgate.domain.results import NodeResult
from headgate.errors import LeaseLostError, UnavailableError
from headgate.ports import BuildStates, Clock, NodeQueue, Slots
from headgate.usecases.claim_nodes import Claims
from headgate.usecases.free_slots import free_slots
from headgate.usecases.hold_places import FULL_SECONDS, Places
from headgate.usecases.hold_relations import Relations, Tell, say_nothing
from headgate.usecases.keep_lease import Lease
from headgate.usecases.remember_builds import Builds
from headgate.usecases.repair_queue import repair_queue
from headgate.usecases.revive_missing import revive_missing
from headgate.usecases.watch_leases import LeaseWatch

SWEEP_SECONDS = 15.0
# How soon a step in which nothing is ready and nothing runs is looked at.
STALLED_SECONDS = 1.0
# How long a runner may go on claiming after another one has halted the step, or failed fast.
HALT_SECONDS = 2.0
_WIDER = 4
STOPPED = "its build was stopped before its end"

Window = Sequence[tuple[str, NodeState]]


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is ready now; ask again after a moment."""


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is left for this runner. `halted`: why the step was stopped early, if it was."""

    halted: str | None = None


class QueueSession:
    """One runner's session with the shared queue of one step.

    slots: where the plan's pools are kept, if it has any. states: where builds are remembered; without it nothing is,
    and no relation is held. tell: says (unique_id, text) to whoever reads the log.
    """

    def __init__(
        self,
        queue: NodeQueue,
        clock: Clock,
        plan: Plan,
        runner: int,
        slots: Slots | None = None,
        states: BuildStates | None = None,
        tell: Tell = say_nothing,
    ) -> None:
        self._queue, self._clock, self._plan, self._runner = queue, clock, plan, runner
        self._slots, self._states = slots, states
        self._key = (plan.run_id, plan.step)
        self._lease = Lease(queue, clock, self._key, runner)
        self._watch = LeaseWatch(queue, clock, self._key, runner)
        self._places = Places(slots, clock, plan, runner)
        self._relations = Relations(states, queue, clock, plan, runner, tell)
        self._builds = Builds(states, clock, plan, self._relations)
        self._claims = Claims(queue, clock, plan, runner, self._places, self._relations)
        self._sole = {node.unique_id for node in plan.nodes if len(plan.waits_of(node)) < 2}
        # Whoever waits for the leader of a batch waits for all of its tests.
        self._batches = {node.unique_id: frozenset(node.batch) for node in plan.nodes if node.batch}
        self._attached = {node.unique_id for node in plan.nodes if node.leader}
        self._swept_at = clock.now()
        self._scanned_at = self._read_at = float("-inf")
        # Of what was to be reused: what waits for this runner's opening now.
        self._revived: list[str] = []
        self._halted: str | None = None
        self._failed_fast: str | None = None

    @property
    def epoch(self) -> int:
        return self._lease.epoch

    @property
    def until(self) -> float:
        """When the lease ends, by the own clock. FENCE_SECONDS before, the runner must have stopped its dbt."""
        return self._lease.until

    def begin(self) -> None:
        """Take the lease. If an earlier attempt of this runner died, what it held goes back to the queue."""
        self._lease.take()
        self._places.begin(self.epoch)
        self._relations.begin(self.epoch)
        self._builds.begin()
        self._claims.begin(self.epoch)
        leases = self._watch.look()
        if self.epoch > 1:
            repair_queue(self._queue, self._plan, void_epochs(leases))

    def renew(self) -> None:
        """Extend the lease. Raises LeaseLostError when it was taken over or could not be renewed in time."""
        self._lease.renew()
        # Watched from here as well: a runner whose threads are all busy asks for nothing for a long time.
        with suppress(UnavailableError):
            self._watch.look()

    def next(self) -> Claim | Idle | Over:
        """The most urgent node that is ready, or what to do instead. May be called again after UnavailableError.

        Raises LeaseLostError from FENCE_SECONDS before the end of the lease on.
        """
        self._lease.check()
        self._claims.settle()
        self._read_step()
        if self._halted is not None:
            return Over(self._halted)
        claim = self._claims.hinted(self._skips)
        if claim is not None:
            return self._own(claim)
        claim, window = self._claim_from_index()
        if claim is not None:
            return self._own(claim)
        if is_drained(node for node, _ in window) and (CLOSING, NodeState.RUNNING) not in window:
            return self._close()
        # Somebody else builds what is left, or closes the step. Stay: if it is lost, somebody must take over.
        self._sweep(stalled=all(state is NodeState.WAITING for _, state in window))
        return Idle()

    def decide_again(self, claim: Claim) -> Decision | None:
        """Before a claimed node is built, in the thread that builds it: note what its build will be remembered by.

        A decision: another run has built it since this was planned, so that it is to be finished as reused. May be
        called again after UnavailableError.
        """
        return self._builds.note(claim)

    def is_beside_others(self, unique_id: str) -> bool:
        """Whether another run builds what this node's build writes or reads, or did not long ago."""
        return self._builds.is_beside_others(unique_id)

    def finish(self, unique_id: str, result: NodeResult | None, attached: Sequence[NodeResult] = ()) -> None:
        """Remember what was built, record the node's end and release its children.

        attached: its unit tests', or a hook's, results.

        May be called again after UnavailableError. Raises LeaseLostError when the lease is about to end, or when the
        record was refused: somebody else owns the node now.
        """
        self._lease.check()
        at = iso(self._clock.now())
        for other in attached:
            self._queue.record(*self._key, other, at)
        self._builds.end(unique_id, result, attached)
        owner = {"runner": self._runner, "epoch": self.epoch}
        if not self._queue.finish(*self._key, unique_id, result, **owner, at=at):
            raise LeaseLostError(
                f"{unique_id} is no longer held by epoch {self.epoch} of runner {self._runner}"
            )
        self._builds.forget(unique_id)
        self._claims.let_go(unique_id)
        batch = self._batches.get(unique_id, ())
        ends = [*([result] if result else []), *(other for other in attached if other.unique_id in batch)]
        self._release_children(unique_id, skip=any(end.blocks_children for end in ends))

    def _release_children(self, unique_id: str, *, skip: bool) -> None:
        position = self._plan.positions.get(unique_id)
        if position is None:
            return
        children = self._plan.children.get(unique_id, ())
        for child in (*children, *self._revived) if unique_id == OPENING else children:
            if child in self._attached:
                continue
            if self._queue.release(*self._key, child, position, skip=skip, sole=child in self._sole):
                self._claims.hints.add([child])

    def revive_missing(self, missing: Collection[str]) -> list[str]:
        """While this runner opens the step: these reused nodes have no relation. What has a turn again, parents first.

        Safe to repeat. May be called again after UnavailableError.
        """
        if self._states is not None:
            now, own = self._clock.now(), {"runner": self._runner, "epoch": self.epoch}
            self._revived = revive_missing(
                self._plan, missing, states=self._states, queue=self._queue, now=now, **own
            )
        return self._revived

    def halt(self, reason: str) -> None:
        """Stop the step for every runner: dbt itself could not go on (a database that is down, a bad profile)."""
        self._queue.halt(*self._key, reason)
        self._read_at = float("-inf")

    def fail_fast(self, unique_id: str) -> None:
        """Let everything that has not begun be skipped, by every runner, because this node failed (`--fail-fast`)."""
        self._queue.fail_fast(*self._key, unique_id)
        self._read_at = float("-inf")

    def hand_back(self, unique_ids: Iterable[str] | None = None) -> list[str]:
        """Return claims that are still held (None: all), so that another runner builds them. For SIGTERM.

        Their attempts have ended and wrote nothing, but no later run is to believe that. Returns those that went back.
        """
        return self._claims.hand_back(
            unique_ids, lambda node: STOPPED if self._builds.has_begun(node) else ""
        )

    def end(self, error: str | None = None) -> None:
        """Give the lease back; `error` says why a runner that did not finish its share stopped."""
        self._claims.end()
        self._lease.end(error)

    @property
    def _skips(self) -> bool:
        return self._failed_fast is not None

    def _own(self, claim: Claim) -> Claim:
        """The step's own nodes are never skipped. A claim that came back too late is nobody's: others take it over."""
        self._lease.check()
        return replace(claim, skip=False) if claim.unique_id in (OPENING, COMMAND, CLOSING) else claim

    def _claim_from_index(self) -> tuple[Claim | None, Window]:
        """A claim, or what the index shows first. Looks further when nothing that it shows may be built now."""
        limit = 2 * max(self._plan.runners, 4)
        while True:
            window = self._queue.open_nodes(*self._key, limit=limit)
            mine, others = self._shared_out(window)
            claim = self._claims.first(mine, self._skips)
            if claim is None and (not mine or self._some_refused):
                claim = self._claims.first(others, self._skips)
            if claim is not None or not self._may_hide_more(window, limit):
                return claim, window
            limit *= _WIDER

    def _may_hide_more(self, window: Window, limit: int) -> bool:
        if len(window) < limit or any(state is not NodeState.READY for _, state in window):
            if len(window) > 2 * max(self._plan.runners, 4):
                self._scanned_at = self._clock.now()
            return False
        if self._skips or not self._some_refused or self._places.all_full:
            return False
        return self._clock.now() - self._scanned_at >= FULL_SECONDS

    @property
    def _some_refused(self) -> bool:
        """Whether something that is ready cannot be claimed for now."""
        return self._places.some_full or self._relations.some_refused

    def _close(self) -> Claim | Idle | Over:
        # The index may lag: what it calls drained is believed only after a consistent read.
        open_nodes = dict(self._queue.open_nodes(*self._key, consistent=True))
        if not is_drained(open_nodes):
            return Idle()
        if CLOSING not in open_nodes:
            return Over()
        self._queue.make_ready(*self._key, CLOSING)
        return self._claims.first([CLOSING]) or Idle()

    def _read_step(self) -> None:
        now = self._clock.now()
        if now - self._read_at < HALT_SECONDS:
            return
        step = self._queue.step(*self._key)
        self._read_at = now
        if step is not None:
            self._halted, self._failed_fast = step.halted, step.failed_fast
            self._claims.culprit = step.failed_fast

    def _shared_out(self, window: Window) -> tuple[list[str], list[str]]:
        """What is ready: this runner's share of it, and the rest. Every K-th each, so that few claims are lost.

        Runners that all asked for the same nodes lost seven claims a node (16 runners, 10,000 nodes).
        """
        ready = [node for node, state in window if state is NodeState.READY]
        turn, runners = self._runner - 1, max(1, self._plan.runners)
        others = [node for place, node in enumerate(ready) if place % runners != turn % runners]
        return ready[turn % runners :: runners], others

    def _sweep(self, *, stalled: bool) -> None:
        """Take over from the lost. `stalled`: nodes wait and nobody builds, so a release must be missing.

        That happens when a runner is killed while its last write is on its way: the write lands after whoever
        took over had looked.
        """
        now = self._clock.now()
        if now - self._swept_at < (STALLED_SECONDS if stalled else SWEEP_SECONDS):
            return
        self._swept_at = now
        # Not only those just expired: whoever expired the others may have died before it handed back for them.
        lost = void_epochs(self._watch.expire())
        if lost or stalled:
            repair_queue(self._queue, self._plan, lost)
        if self._slots is not None and self._places.some_full:
            free_slots(self._plan.environment, slots=self._slots, queue=self._queue, pools=self._plan.pools)
