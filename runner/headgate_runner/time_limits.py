"""A node's time limit: when an attempt takes longer, its queries are cancelled, and only its."""

from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType

# A cancel finds nothing between two statements; so it is repeated until the attempt is over.
AGAIN_SECONDS = 1.0
# How long the end of an attempt waits for a cancel that is on its way: it must not hit the next attempt.
JOIN_SECONDS = 10.0


class TimeLimit:
    """Surrounds one attempt. seconds: its limit, None for none; cancel: ends what it has running, from any thread."""

    def __init__(self, seconds: float | None, cancel: Callable[[], None]) -> None:
        self._seconds, self._cancel = seconds, cancel
        self._over = Event()
        self._thread = Thread(target=self._watch, name="time limit", daemon=True)
        self.passed = False

    @property
    def message(self) -> str:
        """What the node's result says once the limit has passed."""
        return f"timed out after {worded(self._seconds or 0)}"

    def __enter__(self) -> "TimeLimit":
        if self._seconds is not None:
            self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._seconds is not None:
            self._thread.join(JOIN_SECONDS)

    def _watch(self) -> None:
        if self._over.wait(self._seconds):
            return
        self.passed = True
        while not self._over.is_set():
            self._cancel()
            self._over.wait(AGAIN_SECONDS)


def worded(seconds: float) -> str:
    """A duration as people write it in a jobs file: 20m, 1h30m, 45s, 0.5s."""
    if seconds < 1:
        return f"{seconds:g}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)
