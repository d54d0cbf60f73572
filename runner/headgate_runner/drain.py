"""Leaving with notice: Spot gives two minutes. What fits in them is finished, the rest is handed back at once.

A run that was cancelled, or a step that was halted, is not worth finishing: then the drain ends at once.
"""

from collections.abc import Set
from threading import Event, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING

from headgate.errors import HeadgateError
from headgate_runner.share import Share
from headgate_runner.supervision import POLL_SECONDS

if TYPE_CHECKING:
    from headgate_runner.shared_verbs import SharedVerb

# What is kept of the notice for cancelling queries and saying goodbye.
LEAVE_SECONDS = 20.0
LOOK_SECONDS = 1.0
AGAIN_SECONDS = 0.3


class Drain:
    """One runner's drain, in the main thread."""

    def __init__(self, share: Share, engine: "SharedVerb", seconds: float) -> None:
        """seconds: how long what is in progress may still take."""
        self._share, self._engine, self._queue = share, engine, engine.job_queue
        self._deadline = monotonic() + seconds
        self._predicted = {node.unique_id: node.predicted_seconds for node in share.plan.nodes}
        self._pointless, self._over = Event(), Event()

    def run(self, ended: BaseException | None) -> BaseException | None:
        """Blocks until nothing is in progress or the time is over. `ended`: the signal that began it.

        Returns what the runner is to end with: `ended`, or what came after it (a second signal, a lost lease).
        """
        self._queue.drain()
        Thread(target=self._look, name="drain", daemon=True).start()
        try:
            while self._queue.in_progress and monotonic() < self._deadline and not self._pointless.is_set():
                end = self._share.supervision.look()
                if end is not None:
                    return end.fault
                self._give_up()
                sleep(POLL_SECONDS)
        finally:
            self._over.set()
        return ended

    def _look(self) -> None:
        """Whether finishing has a point. In a thread of its own: a service that is away must not hold up the end."""
        world, key = self._share.world, (self._share.plan.run_id, self._share.plan.step)
        while not self._over.is_set():
            try:
                run, step = world.runs.get_run(key[0]), world.queue.step(*key)
            except HeadgateError:
                run, step = None, None
            if run is not None and (run.cancel is not None or run.status.is_final):
                self._pointless.set()
            if step is not None and step.halted is not None:
                self._pointless.set()
            self._over.wait(LOOK_SECONDS)

    def _give_up(self) -> None:
        """Begin to hand back what will not end in time, and what has not begun."""
        now = monotonic()
        begun = {node: now - since for node, since in self._queue.since_when().items()}
        late = {
            node
            for node, seconds in begun.items()
            if now + self._predicted.get(node, 0.0) - seconds > self._deadline
        }
        if given_up := self._queue.give_up(late) | self._queue.abandoned():
            Thread(target=self._hand_back, args=[given_up], name="hand back", daemon=True).start()

    def _hand_back(self, nodes: Set[str]) -> None:
        """Only once their threads are parked, so that nothing more of them reaches the warehouse."""
        planned = [node for node in self._share.plan.nodes if node.unique_id in nodes]
        names = {*nodes, *(test for node in planned for test in (*node.unit_tests, *node.batch))}
        while self._queue.in_progress & nodes and not self._over.is_set():
            if self._engine.sessions is not None:
                self._engine.sessions.cancel_nodes(names)
            self._over.wait(AGAIN_SECONDS)
        if not self._over.is_set():
            handed_back = self._share.session.hand_back(nodes)
            self._share.log.write("warn", f"handed back, not to be ended in time: {', '.join(handed_back)}")
