"""Durations of earlier builds in memory."""

from collections.abc import Iterable, Mapping
from threading import RLock

from headgate.domain.duration import Duration


class MemoryHistory:
    """History without a service."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._durations: dict[tuple[str, str], Duration] = {}

    def predictions(self, environment: str, keys: Iterable[str]) -> dict[str, float]:
        with self._lock:
            known = {node: self._durations.get((environment, node)) for node in keys}
        return {node: duration.seconds for node, duration in known.items() if duration is not None}

    def learn(self, environment: str, seconds: Mapping[str, float]) -> None:
        with self._lock:
            for node, value in seconds.items():
                known = self._durations.get((environment, node), Duration())
                self._durations[environment, node] = known.learned(value)
