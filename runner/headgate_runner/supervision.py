"""How a runner's work ends: by itself, by a fault, by a lost lease or by a signal. The first end counts.

dbt runs in a thread of its own, so that the main thread can always answer a signal: a query in the main thread
would keep Python from seeing it until the database answers.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock
from types import FrameType

POLL_SECONDS = 0.1


class StoppedBySignal(BaseException):
    """Somebody asked this process to end: ECS, Step Functions, a person at a terminal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


class Supervision:
    """Waits in the main thread for the first of all possible ends."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ended = Event()
        self._fault: BaseException | None = None
        self._signal: int | None = None

    def report(self, fault: BaseException | None) -> None:
        """The work is over: `fault` says why it failed, None that it did not. From any thread."""
        with self._lock:
            if not self._ended.is_set():
                self._fault = fault
                self._ended.set()

    def wait(self) -> BaseException | None:
        """Block until the work is over or a signal came; returns what ended it, None for a normal end."""
        while not self._ended.wait(POLL_SECONDS):
            if self._signal is not None:
                return StoppedBySignal(self._signal)
        return self._fault

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Own SIGTERM and SIGINT meanwhile."""
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._notice) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _notice(self, number: int, _frame: FrameType | None) -> None:
        # Nothing that takes a lock may happen here: the handler interrupts whoever holds it.
        self._signal = number
