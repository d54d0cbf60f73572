"""A runner's lease: taken when it begins, renewed by its heartbeat, given up before it ends.

A runner that could not renew stops FENCE_SECONDS before its lease ends, by its own clock. Others take over only
after the lease has ended, so that no query of this runner is left when they do.
"""

from headgate.domain.queue import FENCE_SECONDS, LEASE_SECONDS
from headgate.errors import LeaseLostError
from headgate.ports import Clock, NodeQueue


class Lease:
    """One epoch of one runner. What was lost stays lost, even if a late answer says that it was renewed."""

    def __init__(self, queue: NodeQueue, clock: Clock, key: tuple[int, int], runner: int) -> None:
        self._queue, self._clock, self._key, self._runner = queue, clock, key, runner
        self.epoch = 0
        self.until = 0.0
        self._lost = False

    def take(self) -> None:
        now = self._clock.now()
        self.until = now + LEASE_SECONDS
        self.epoch = self._queue.take_lease(*self._key, self._runner, self.until, at=now)
        self._lost = False

    def renew(self) -> None:
        """Extend the lease. Raises LeaseLostError when it was taken over or could not be renewed in time."""
        self.check()
        until = self._clock.now() + LEASE_SECONDS
        if not self._queue.renew_lease(*self._key, self._runner, self.epoch, until):
            self._lost = True
        # The answer may have taken long: meanwhile somebody may have stopped this runner's dbt.
        self.check()
        self.until = until

    def check(self) -> None:
        """Raises LeaseLostError from FENCE_SECONDS before the end of the lease on."""
        self._lost = self._lost or self._clock.now() >= self.until - FENCE_SECONDS
        if self._lost:
            raise LeaseLostError(f"runner {self._runner} lost its lease of epoch {self.epoch}")

    def end(self, error: str | None) -> None:
        self._queue.end_lease(*self._key, self._runner, self.epoch, error)
