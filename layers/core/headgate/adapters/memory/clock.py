"""A clock that moves only when it is told to."""

from threading import Lock


class MemoryClock:
    """Clock for tests and the simulator: `sleep` moves the time forward and returns at once."""

    def __init__(self, now: float = 1_767_225_600.0) -> None:
        self._now, self._lock = now, Lock()

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
