"""Schedules in memory."""

from collections.abc import Sequence
from threading import Lock

from headgate.domain.job import Job, Schedule


class MemoryScheduler:
    """Scheduler without a service; nothing ever fires. schedules: origin -> job -> schedule."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.schedules: dict[str, dict[str, Schedule]] = {}

    def sync(self, jobs: Sequence[Job], origin: str) -> None:
        with self._lock:
            self.schedules[origin] = {job.name: job.schedule for job in jobs if job.schedule is not None}

    def names(self, origin: str) -> list[str]:
        with self._lock:
            return sorted(self.schedules.get(origin, {}))
