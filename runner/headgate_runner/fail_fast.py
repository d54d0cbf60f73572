"""`--fail-fast` over all runners: after the first failure nothing new starts, and what runs is cancelled.

As dbt does it: every node that had not ended by then is recorded as skipped, whatever it was doing, with one message.
The queue hands out what has not begun with `skip`; this is for what is being built.
"""

from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread
from typing import Any

from dbt.artifacts.schemas.results import NodeStatus
from dbt.artifacts.schemas.run import RunResult

from headgate.errors import UnavailableError
from headgate_runner.sessions import OpenSessions
from headgate_runner.share import Share
from headgate_runner.skips import skipped

# dbt.task.runnable.GraphRunnableTask.execute_nodes and call_runner.
MESSAGE = "Skipping due to fail_fast"
FAILED = (NodeStatus.Error, NodeStatus.Fail, NodeStatus.PartialSuccess)
WATCH_SECONDS = 1.0
CANCEL_SECONDS = 5.0


class FailFast:
    """Tells the other runners of a failure here, and learns of theirs. Does nothing without `--fail-fast`.

    idle: whether nothing is being built here. hurry: ends the pauses between attempts, of which none will follow.
    """

    def __init__(
        self,
        share: Share,
        sessions: OpenSessions,
        idle: Callable[[], bool],
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        self._share, self._sessions, self._idle, self._hurry = share, sessions, idle, hurry
        self._wanted = share.plan.fail_fast
        self._culprit: str | None = None
        self._over = Event()
        self._cancelling = Lock()
        if self._wanted:
            Thread(target=self._watch, name="fail fast", daemon=True).start()

    def begun(self) -> bool:
        """Whether a node of the step failed. Asks the queue as long as none did."""
        if self._wanted and self._culprit is None:
            record = self._share.world.queue.step(self._share.plan.run_id, self._share.plan.step)
            self._culprit = record.failed_fast if record is not None else None
        return self._culprit is not None

    @property
    def noticed(self) -> bool:
        """Whether this runner knows of a failure."""
        return self._culprit is not None

    def is_culprit(self, unique_id: str) -> bool:
        """Whether this is the node because of which the others are skipped."""
        return self.begun() and unique_id == self._culprit

    def skipped(self, node: Any) -> RunResult:
        return skipped(node, MESSAGE)

    def forbids(self, unique_id: str) -> bool:
        """Whether a node must not begin any more, because another one failed."""
        return self._culprit not in (None, unique_id)

    def cancels(self, unique_id: str, results: Sequence[RunResult]) -> bool:
        """Whether an attempt counts as skipped: one that failed after the first failure was cancelled, or may be."""
        return self.forbids(unique_id) and any(result.status in FAILED for result in results)

    def look_at(self, unique_id: str, results: Sequence[RunResult]) -> None:
        """What a node's turn left: its unit tests' results and its own. The first failure stops the step."""
        if not self._wanted or self._culprit is not None:
            return
        if any(result.status in FAILED for result in results):
            # Before its record releases the children: nothing may begin in between.
            self._share.session.fail_fast(unique_id)
            if self.begun():
                Thread(target=self._cancel, name="fail fast cancel", daemon=True).start()

    def end(self) -> None:
        """Nothing is left to watch for."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(WATCH_SECONDS):
            try:
                begun = self.begun()
            except UnavailableError:
                continue
            if begun:
                self._cancel()
                return

    def _cancel(self) -> None:
        self._hurry()
        with self._cancelling:
            if not self._over.is_set() and not self._idle():
                self._share.log.write("warn", f"{MESSAGE}: {self._culprit} failed; what runs is cancelled")
                self._sessions.cancel(lambda: self._over.is_set() or self._idle(), CANCEL_SECONDS)
