"""Schedules in memory."""

from collections.abc import Sequence
from threading import Lock

from headgate.domain.job import Job
from headgate.domain.schedule import Schedule


class MemoryScheduler:
    """Scheduler without a service; nothing ever fires. schedules: origin -> job -> schedules."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.schedules: dict[str, dict[str, tuple[Schedule, ...]]] = {}

    def sync(self, jobs: Sequence[Job], origin: str) -> None:
        with self._lock:
            self.schedules[origin] = {job.name: job.schedules for job in jobs if job.schedules}

    def names(self, origin: str) -> list[str]:
        with self._lock:
            return sorted(self.schedules.get(origin, {}))
