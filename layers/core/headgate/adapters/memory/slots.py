"""Places in pools, in memory."""

from collections.abc import Sequence
from threading import Lock


class MemorySlots:
    """Slots without a service: a set of holders per pool, under one lock."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pools: dict[tuple[str, str], set[str]] = {}

    def take(self, environment: str, pool: str, holder: str, limit: int) -> bool:
        with self._lock:
            held = self._pools.setdefault((environment, pool), set())
            if holder not in held and len(held) >= limit:
                return False
            held.add(holder)
            return True

    def give_back(self, environment: str, pool: str, holders: Sequence[str]) -> None:
        with self._lock:
            self._pools.get((environment, pool), set()).difference_update(holders)

    def holders(self, environment: str, pool: str) -> list[str]:
        with self._lock:
            return sorted(self._pools.get((environment, pool), ()))

    def pools(self, environment: str) -> list[str]:
        with self._lock:
            return [name for (owner, name), held in self._pools.items() if owner == environment and held]
