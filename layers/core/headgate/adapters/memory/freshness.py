"""What is known of the data in sources, in memory."""

from collections.abc import Iterable
from dataclasses import replace
from threading import RLock

from headgate.domain.sync import KEPT_SECONDS, Observation, Sync, each_once


class MemoryFreshness:
    """Freshness without a service."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._syncs: dict[tuple[str, str], Sync] = {}
        self._last: dict[str, Sync] = {}
        self._seen: dict[tuple[str, str], Observation] = {}

    def record_sync(self, sync: Sync, *, new_data: bool = True) -> None:
        with self._lock:
            known = self._last.get(sync.connector)
            if known is not None and not new_data:
                if sync.at > known.empty_at:
                    self._last[sync.connector] = replace(known, empty_at=sync.at)
                return
            if (sync.connector, sync.sync_id) in self._syncs:
                return
            self._syncs[sync.connector, sync.sync_id] = sync
            last = self._last.get(sync.connector)
            if last is None or sync.at >= last.at:
                self._last[sync.connector] = sync

    def syncs(self) -> dict[str, Sync]:
        with self._lock:
            return dict(self._last)

    def syncs_since(self, at: float) -> list[Sync]:
        with self._lock:
            newest = max((sync.at for sync in self._last.values()), default=at)
            oldest = newest - KEPT_SECONDS
            return each_once(sync for sync in self._syncs.values() if at < sync.at and oldest <= sync.at)

    def observe(self, environment: str, seen: Iterable[Observation]) -> None:
        with self._lock:
            for one in seen:
                before = self._seen.get((environment, one.unique_id))
                if before is None or before.observed_at <= one.observed_at:
                    self._seen[environment, one.unique_id] = one

    def observations(self, environment: str) -> dict[str, Observation]:
        with self._lock:
            return {source: one for (owner, source), one in self._seen.items() if owner == environment}
