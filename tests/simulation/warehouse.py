"""What is built in the warehouse, in true time: who is at it, and whose build each relation holds.

Nobody in the simulation asks it anything: the checker reads it, and it keeps the books of overlapping builds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from headgate.domain.queue import void_epochs
from headgate.ports import NodeQueue
from tests.simulation.history import Entry, History

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Build:
    """One build of one relation. is_at_work: whether its runner still sends statements."""

    run_id: int
    step: int
    runner: int
    epoch: int
    fence: int
    is_at_work: Callable[[], bool]

    @property
    def version(self) -> str:
        return f"{self.run_id}.{self.step}.{self.fence}"


@dataclass
class Warehouse:
    """The relations of every environment. queue: the truth about leases."""

    queue: NodeQueue
    history: History
    under_way: dict[Key, Build] = field(default_factory=dict)
    last: dict[Key, Build] = field(default_factory=dict)
    succeeded: set[tuple[Key, str]] = field(default_factory=set)
    overlaps: list[str] = field(default_factory=list)

    def begin(self, key: Key, build: Build, now: float, who: str) -> None:
        other = self.under_way.get(key)
        if other is not None and (other.is_at_work() or not self._is_void(other)):
            self.overlaps.append(f"{key[1]} of {key[0]} was built by {build.version} beside {other.version}")
        self.under_way[key] = self.last[key] = build
        self.history.add(Entry(now, who, "build.begins", (*key, build.version)))

    def end(self, key: Key, build: Build, *, success: bool) -> None:
        """It has ended, or its query was cancelled."""
        if self.under_way.get(key) is build:
            del self.under_way[key]
        if success:
            self.succeeded.add((key, build.version))

    def _is_void(self, build: Build) -> bool:
        """Its lease is over: whatever its session still does is ended before the next build begins."""
        leases = self.queue.runners(build.run_id, build.step)
        return build.epoch < void_epochs(leases).get(build.runner, 0)
