"""Lambda: synchronous invocations that wait for their answer, asynchronous ones that are tried three times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headgate.errors import HeadgateError
from tests.simulation.kernel import Kernel, Process

LIMIT_SECONDS = 300.0
# The pauses of an asynchronous invocation before its second and its third try.
PAUSES = (60.0, 120.0)


class FunctionDiedError(Exception):
    """The invocation ended without an answer: a time limit, a crash. States see `Lambda.Unknown`."""


@dataclass
class Invocation:
    """One try of one function."""

    process: Process
    answer: Any = None
    fault: Exception | None = None
    over: bool = False


Work = Callable[[Process], Any]


class Lambdas:
    """Runs functions, each in a process of its own.

    dead_letters: what was given up after three tries. under_way: how many tries are not over, or have yet to begin.
    """

    def __init__(self, kernel: Kernel, skew: Callable[[], float]) -> None:
        self._kernel, self._skew = kernel, skew
        self._number = 0
        self.dead_letters: list[tuple[str, Work]] = []
        self.under_way = 0

    def call(self, name: str, work: Work) -> Any:
        """Invoke and wait. Raises what the function raised, or FunctionDiedError."""
        caller = self._kernel.current
        assert caller is not None
        invocation = self._start(name, work, lambda _: self._kernel.wake(caller))
        while not invocation.over:
            self._kernel.wait()
        if invocation.fault is not None:
            raise invocation.fault
        return invocation.answer

    def send(self, name: str, work: Work, *, delay: float = 0.0, tried: int = 0) -> None:
        """Invoke without waiting; again after a failure, into the dead letters after the third."""

        def ended(invocation: Invocation) -> None:
            if invocation.fault is None:
                return
            if tried < len(PAUSES):
                self.send(name, work, delay=PAUSES[tried], tried=tried + 1)
            else:
                self.dead_letters.append((name, work))

        self._start(name, work, ended, delay)

    def _start(
        self, name: str, work: Work, ended: Callable[[Invocation], None], delay: float = 0.0
    ) -> Invocation:
        self._number += 1
        self.under_way += 1
        process = Process(f"{name} #{self._number}", self._skew())
        invocation = Invocation(process)

        def end(fault: Exception | None) -> None:
            if not invocation.over:
                invocation.over, invocation.fault = True, fault
                self.under_way -= 1
                ended(invocation)

        def body() -> None:
            try:
                invocation.answer = work(process)
            except HeadgateError as fault:
                end(fault)
            else:
                end(None)

        process.on_death = lambda: end(FunctionDiedError(name))
        self._kernel.spawn(process, process.name, body, delay)
        self._kernel.at(self._kernel.now + delay + LIMIT_SECONDS, lambda: self._expire(invocation))
        return invocation

    def _expire(self, invocation: Invocation) -> None:
        if not invocation.over:
            self._kernel.kill(invocation.process)
