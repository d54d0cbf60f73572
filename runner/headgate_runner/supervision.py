"""How a runner's work ends: by itself, by a fault, by a lost lease or by a signal. The first end counts.

dbt runs in a thread of its own, so that the main thread can always answer a signal: a query in the main thread
would keep Python from seeing it until the database answers.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock
from types import FrameType
from typing import Protocol

POLL_SECONDS = 0.1


class StoppedBySignal(BaseException):
    """Somebody asked this process to end: ECS, Step Functions, a person at a terminal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


class DbtKilledError(RuntimeError):
    """dbt's own process was killed, and by nobody of ours. number: the signal's; SIGKILL means too little memory."""

    def __init__(self, number: int) -> None:
        super().__init__(f"dbt was killed by signal {number}; if nobody did it, it had too little memory")
        self.number = number


class TooLittleMemoryError(RuntimeError):
    """A node failed for want of memory in this process: a larger container is to build it."""

    def __init__(self, unique_id: str) -> None:
        super().__init__(f"{unique_id} needs more memory than this runner has")


class Stoppable(Protocol):
    """What builds in this process, as far as whoever ends it needs to know."""

    @property
    def stopped(self) -> bool:
        """Whether it was stopped, or stopped by itself because it could not reach the queue."""
        ...

    def stop(self, reason: str) -> None:
        """Record nothing any more and end what runs on the warehouse.

        From the main thread; takes a few seconds at most; a second call changes nothing. Raises nothing.
        """
        ...


@dataclass(frozen=True, slots=True)
class End:
    """What ended the work; None: it is done."""

    fault: BaseException | None


class Supervision:
    """Waits in the main thread for the first of all possible ends."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ended = Event()
        self._fault: BaseException | None = None
        self._signals: list[int] = []
        self._checks: list[Callable[[], BaseException | None]] = []
        self.building: Stoppable | None = None

    def attach(self, building: Stoppable) -> None:
        """From now on this is what has to be stopped when the runner ends early. From any thread."""
        self.building = building

    def watch(self, check: Callable[[], BaseException | None]) -> None:
        """Ask this many times a second, in the main thread, whether the work has to end. It must not block."""
        self._checks.append(check)

    def report(self, fault: BaseException | None) -> None:
        """The work is over: `fault` says why it failed, None that it did not. From any thread."""
        with self._lock:
            if not self._ended.is_set():
                self._fault = fault
                self._ended.set()

    def wait(self) -> BaseException | None:
        """Block until the work is over or a signal came; returns what ended it, None for a normal end."""
        while (end := self.look()) is None:
            self._ended.wait(POLL_SECONDS)
        return end.fault

    def look(self) -> End | None:
        """What ended the work, if something has by now. Each signal is told once."""
        for check in () if self._ended.is_set() else self._checks:
            fault = check()
            if fault is not None:
                self.report(fault)
        if self._ended.is_set():
            return End(self._fault)
        return End(StoppedBySignal(self._signals.pop(0))) if self._signals else None

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
        self._signals.append(number)
