"""Schedules in memory."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

from headgate.adapters.memory.clock import MemoryClock
from headgate.domain.job import Job
from headgate.domain.schedule_drift import drift_of
from headgate.domain.schedule_entry import EXPECTED, job_entries
from headgate.ports import Clock


class MemoryScheduler:
    """Scheduler without a service; nothing ever fires. entries: origin -> name -> properties of an entry."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._lock = Lock()
        self._clock = clock or MemoryClock()
        self.entries: dict[str, dict[str, dict[str, Any]]] = {}

    def sync(self, jobs: Sequence[Job], origin: str) -> None:
        wanted = self._wanted(jobs)
        with self._lock:
            for name in wanted:
                for others in self.entries.values():
                    others.pop(name, None)
            self.entries[origin] = wanted

    def names(self, origin: str) -> list[str]:
        with self._lock:
            return sorted({entry["job"] for entry in self.entries.get(origin, {}).values()})

    def drift(self, jobs: Sequence[Job], origin: str) -> list[str]:
        with self._lock:
            found = {name: dict(entry) for name, entry in self.entries.get(origin, {}).items()}
        wanted = self._wanted(jobs)
        latest = self._clock.now() + EXPECTED
        for name, entry in list(wanted.items()):
            if name not in found and (entry["once"] or 0.0) > latest:
                del wanted[name]
        return drift_of(wanted, found)

    def _wanted(self, jobs: Sequence[Job]) -> dict[str, dict[str, Any]]:
        return {
            name: {
                "job": job.name,
                "expression": entry.expression,
                "timezone": entry.timezone,
                "once": entry.once,
                "enabled": not job.paused,
            }
            for job in jobs
            for name, entry in job_entries(job, self._clock.now()).items()
        }
