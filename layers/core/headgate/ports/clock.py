"""Time."""

from typing import Protocol


class Clock(Protocol):
    """Time, so that tests and the simulator can own it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None: ...
