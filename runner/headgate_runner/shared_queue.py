"""The shared queue in the shape of dbt's own graph queue. Knows the session with the queue, not dbt.

dbt's run thread asks `empty` and `take`; its pool threads call `finish`, its callback thread `mark_done`. When
something fails or the runner is told to stop, every thread that asks is parked: nothing new starts, and whoever
supervises the process cancels queries and ends it. (Letting dbt unwind instead would close connections that other
threads are still using, which waits for their queries.) A runner that drains parks only dbt's run thread and what
pauses between two attempts; what is being built is still recorded.
"""

from collections.abc import Callable, Iterable, Sequence, Set
from random import Random
from threading import Condition, Event
from time import monotonic
from typing import NoReturn

from headgate.domain.plan import CLOSING
from headgate.domain.queue import Claim
from headgate.domain.results import NodeResult
from headgate.usecases.run_nodes import Idle, Over, QueueSession

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.25
# How often dbt's run thread shows that it lives while it waits for one of its own nodes.
TICK_SECONDS = 5.0


class SharedQueue:
    """Hands one node at a time to dbt, when one of its threads is free."""

    def __init__(
        self,
        session: QueueSession,
        nodes: Iterable[str],
        threads: int,
        fail: Callable[[BaseException], None],
        random: Random | None = None,
    ) -> None:
        self._session, self._threads, self._report = session, threads, fail
        self._nodes = set(nodes)
        self._random = random or Random()  # noqa: S311 - spreads polling, guards nothing
        self._changed = Condition()
        self._ends = 0
        self._stopped = self._over = self._draining = self._hurried = False
        self._next: Claim | None = None
        # dbt's microbatch code reads these two.
        self.in_progress: set[str] = set()
        self.in_progress_microbatch: set[str] = set()
        self.halted: str | None = None
        # When dbt's run thread was last seen in here (monotonic seconds).
        self.ticked_at = monotonic()
        self._since: dict[str, float] = {}
        self._given_up: set[str] = set()
        self._abandoned: set[str] = set()

    # What dbt calls -------------------------------------------------------------------------------------------

    def get_selected_nodes(self) -> set[str]:
        return set(self._nodes)

    def empty(self) -> bool:
        """Whether nothing is left to build here; blocks until that is certain or a node can be taken."""
        claim = self.look()
        return claim is None or claim.unique_id == CLOSING

    def mark_done(self, unique_id: str) -> None:
        """A thread is free again."""
        self._let_go(unique_id)
        self._wake()

    def join(self) -> None:
        """Block until every node that was taken here is recorded."""
        with self._changed:
            while self.in_progress:
                self._tick()
                self._changed.wait(TICK_SECONDS)
        self._park_if_leaving()

    # What the shared build calls ------------------------------------------------------------------------------

    def look(self) -> Claim | None:
        """The claim that `take` will hand out; None: this runner has nothing left to do."""
        if self._next is None and not self._over:
            self._next = self._claim()
            self._over = self._next is None
        return self._next

    def take(self) -> Claim:
        """The claim, which is now in progress."""
        claim, self._next = self._next, None
        if claim is None:
            raise RuntimeError("take() without a look() that found something")
        with self._changed:
            self.in_progress.add(claim.unique_id)
            self._since[claim.unique_id] = monotonic()
        return claim

    def finish(self, unique_id: str, result: NodeResult | None, attached: Sequence[NodeResult] = ()) -> None:
        """Record a node's end. From the thread that built it, so that slow records hold up nobody else."""
        if self._stopped or unique_id in self._given_up:
            # Its query was cancelled, or may have been: the node is handed back instead.
            self._let_go(unique_id)
            self._park()
        try:
            self._session.finish(unique_id, result, attached)
        except Exception as fault:  # noqa: BLE001 - told to the supervisor; raised here it would be lost in dbt's pool
            self.fail(fault)
        self._wake()

    def hold(self, unique_id: str, seconds: float) -> None:
        """The pause before a node's next attempt. Does not return when the runner leaves meanwhile.

        The node is then no longer in progress: whoever supervises the process hands it back.
        """
        end = monotonic() + seconds
        with self._changed:
            while not self._is_leaving and not self._hurried and (rest := end - monotonic()) > 0:
                self._changed.wait(rest)
        if self._is_leaving:
            self._abandon(unique_id)
            self._park()

    def end_pauses(self) -> None:
        """From now on nobody waits for another attempt."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()

    def use_fewer_threads(self) -> None:
        """One thread less from now on, as long as one is left: the warehouse asked for less at a time."""
        with self._changed:
            self._threads = max(1, self._threads - 1)

    def fail(self, fault: BaseException) -> None:
        """Something went wrong in a thread whose exceptions nobody sees."""
        self.stop()
        self._report(fault)

    def stop(self) -> None:
        """Claim and record nothing any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def drain(self) -> None:
        """Claim nothing any more; what is in progress may still end."""
        with self._changed:
            self._draining = True
            self._changed.notify_all()

    def give_up(self, nodes: Set[str]) -> set[str]:
        """Record these of the nodes in progress no more; returns those that were not given up before."""
        with self._changed:
            fresh = (self.in_progress & nodes) - self._given_up
            self._given_up |= fresh
        return fresh

    def leave_if_given_up(self, unique_id: str) -> None:
        """Do not return if this node is not recorded here any more: no other query of it is to begin."""
        if self._stopped or unique_id in self._given_up:
            self._let_go(unique_id)
            self._park()

    def abandoned(self) -> set[str]:
        """What is claimed and will not be built here, since the runner leaves; each of them is said once."""
        with self._changed:
            found, self._abandoned = self._abandoned, set()
        return found

    def since_when(self) -> dict[str, float]:
        """What is in progress, and since when (monotonic seconds)."""
        with self._changed:
            return dict(self._since)

    @property
    def draining(self) -> bool:
        return self._draining

    @property
    def stopped(self) -> bool:
        return self._stopped

    # Inside ---------------------------------------------------------------------------------------------------

    def _claim(self) -> Claim | None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._wait_for_thread()
            self._tick()
            seen = self._ends
            try:
                answer = self._session.next()
            except Exception as fault:  # noqa: BLE001 - see fail
                self.fail(fault)
                self._park()
            if isinstance(answer, Claim):
                if self._is_leaving:
                    self._abandon(answer.unique_id)
                    self._park()
                return answer
            self._park_if_leaving()
            if isinstance(answer, Over):
                self.halted = answer.halted
                return None
            assert isinstance(answer, Idle)  # noqa: S101
            pause = self._rest(pause, seen)

    def _wait_for_thread(self) -> None:
        with self._changed:
            while len(self.in_progress) >= self._threads and not self._is_leaving:
                self._tick()
                self._changed.wait(TICK_SECONDS)
        self._park_if_leaving()

    def _rest(self, pause: float, seen: int) -> float:
        """Wait a little, but not past the end of a node here, which may have released the next one."""
        with self._changed:
            if self._ends == seen and not self._is_leaving:
                self._changed.wait(pause * self._random.uniform(0.5, 1.0))
            ended_here = self._ends != seen
        return FIRST_PAUSE_SECONDS if ended_here else min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _wake(self) -> None:
        with self._changed:
            self._ends += 1
            self._changed.notify_all()

    def _let_go(self, unique_id: str) -> None:
        with self._changed:
            self.in_progress.discard(unique_id)
            self._since.pop(unique_id, None)
            self._changed.notify_all()

    def _tick(self) -> None:
        self.ticked_at = monotonic()

    def _abandon(self, unique_id: str) -> None:
        with self._changed:
            self._abandoned.add(unique_id)
        self._let_go(unique_id)

    @property
    def _is_leaving(self) -> bool:
        return self._stopped or self._draining

    def _park_if_leaving(self) -> None:
        if self._is_leaving:
            self._park()

    def _park(self) -> NoReturn:
        while True:
            Event().wait()
