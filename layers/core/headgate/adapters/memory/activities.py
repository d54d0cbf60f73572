"""How jobs fare, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from threading import RLock

from headgate.domain.activity import Activity


class MemoryActivities:
    """Activities without a service."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._known: dict[str, Activity] = {}

    def activity(self, job: str) -> Activity:
        with self._lock:
            return self._known.get(job, Activity())

    def activities(self, jobs: Sequence[str]) -> dict[str, Activity]:
        return {job: self.activity(job) for job in jobs}

    def pause(self, job: str, reason: str) -> None:
        self._change(job, paused=reason)

    def resume(self, job: str) -> None:
        self._change(job, paused="", failures=0, deactivated_at=None)

    def deactivate(self, job: str, failures: int, at: str) -> bool:
        with self._lock:
            known = self.activity(job)
            if known.failures < failures or known.deactivated_at is not None:
                return False
            self._change(job, deactivated_at=at)
            return True

    def record_due(self, job: str, at: float) -> bool:
        with self._lock:
            if self.activity(job).last_due >= at:
                return False
            self._change(job, last_due=at)
            return True

    def count(self, job: str, *, failed: bool) -> None:
        """A run of the job ended: MemoryRunStore says so, where the table's transaction does both."""
        with self._lock:
            known = self.activity(job)
            if failed:
                self._change(job, failures=known.failures + 1)
            else:
                self._change(job, failures=0, deactivated_at=None)

    def _change(self, job: str, **fields: object) -> None:
        with self._lock:
            self._known[job] = replace(self.activity(job), **fields)  # type: ignore[arg-type]
