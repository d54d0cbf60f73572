"""Which runners are lost: by watching their leases, or, for who has not watched, by the clock and a wide margin.

Clocks differ, so a runner never compares somebody else's `until` with its own time: it notes by its own clock when
it first saw a lease as it is. A lease that stays the same for longer than a lease lasts is over.
"""

from threading import Lock

from headgate.domain.queue import (
    LEASE_SECONDS,
    MARGIN_SECONDS,
    REAPER_MARGIN_SECONDS,
    RunnerRecord,
    expired,
    void_epochs,
)
from headgate.ports import Clock, NodeQueue, PlanStore
from headgate.usecases.repair_queue import repair_queue


class LeaseWatch:
    """What one runner has seen of the others' leases."""

    def __init__(self, queue: NodeQueue, clock: Clock, key: tuple[int, int], runner: int) -> None:
        self._queue, self._clock, self._key, self._runner = queue, clock, key, runner
        # runner -> (epoch, until, seen first at)
        self._seen: dict[int, tuple[int, float, float]] = {}
        self._lock = Lock()

    def look(self) -> list[RunnerRecord]:
        """Read every lease and remember since when each is as it is."""
        records = self._queue.runners(*self._key)
        # After the read, however long it took: only then is it certain that the lease was still like this.
        now = self._clock.now()
        with self._lock:
            before, self._seen = self._seen, {}
            for record in records:
                epoch, until, since = before.get(record.runner, (0, 0.0, now))
                same = (epoch, until) == (record.epoch, record.until)
                self._seen[record.runner] = (record.epoch, record.until, since if same else now)
        return records

    def expire(self) -> list[RunnerRecord]:
        """End the leases of those that are lost; every lease as it is now."""
        records = self.look()
        lost = [record for record in records if self._is_lost(record)]
        for record in lost:
            self._queue.expire_lease(*self._key, record)
        return self.look() if lost else records

    def _is_lost(self, record: RunnerRecord) -> bool:
        if record.ended or record.runner == self._runner:
            return False
        with self._lock:
            _, _, since = self._seen[record.runner]
        return self._clock.now() - since >= LEASE_SECONDS + MARGIN_SECONDS


def take_over(run_id: int, step: int, now: float, *, queue: NodeQueue, plans: PlanStore) -> list[str]:
    """End the leases that ran out long ago by this clock, and bring the queue in order; the nodes that changed.

    For who looks once and forgets (the reaper). Safe to repeat, and beside live runners. While every runner keeps its
    first lease this is one request, however many nodes there are: nobody was lost, so nothing can be in disorder.
    """
    leases = queue.runners(run_id, step)
    lost = expired(leases, now, REAPER_MARGIN_SECONDS)
    for record in lost:
        queue.expire_lease(run_id, step, record)
    void = void_epochs(queue.runners(run_id, step) if lost else leases)
    return repair_queue(queue, plans.get_plan(run_id, step), void) if void else []
