"""Inbound events in memory."""

import copy
from collections.abc import Mapping
from threading import RLock
from typing import Any

from headgate.domain.instant import iso
from headgate.errors import NotFoundError
from headgate.ports import Clock


class MemoryEventLog:
    """EventLog without a service; nothing expires."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, RLock()
        self._events: dict[str, dict[str, Any]] = {}

    def record(self, event_id: str, detail: Mapping[str, Any]) -> bool:
        with self._lock:
            known = self._events.get(event_id)
            if known is not None:
                return bool(known["outcome"] == "received")
            self._events[event_id] = {
                "event_id": event_id,
                "received_at": iso(self._clock.now()),
                "outcome": "received",
                "detail": copy.deepcopy(dict(detail)),
                "notes": {},
            }
            return True

    def mark(self, event_id: str, outcome: str) -> None:
        with self._lock:
            if event_id not in self._events:
                raise NotFoundError(f"event {event_id} is not known")
            if outcome != "published" or self._events[event_id]["outcome"] == "received":
                self._events[event_id]["outcome"] = outcome

    def note(self, event_id: str, job: str, text: str, run_id: int | None = None) -> None:
        with self._lock:
            notes = self._events.get(event_id, {"notes": {}})["notes"]
            if run_id is not None or notes.get(job, {}).get("run_id") is None:
                notes[job] = {"job": job, "text": text, "run_id": run_id, "at": iso(self._clock.now())}

    def get(self, event_id: str) -> dict[str, Any]:
        with self._lock:
            if event_id not in self._events:
                raise NotFoundError(f"event {event_id} is not known")
            return _told(self._events[event_id])

    def recent(self, limit: int = 50) -> list[dict[str, Any]]:
        with self._lock:
            newest = sorted(
                self._events.values(),
                key=lambda event: (event["received_at"], event["event_id"]),
                reverse=True,
            )
            return [_told(event) for event in newest[:limit]]


def _told(event: Mapping[str, Any]) -> dict[str, Any]:
    notes = [note for _, note in sorted(event["notes"].items())]
    return copy.deepcopy({**event, "notes": notes})
