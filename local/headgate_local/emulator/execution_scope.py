"""Which execution a thread of the emulator's Step Functions works for, and whether it still should.

ministack gives every execution, Map iteration and Parallel branch a thread and has no way to call one back:
after StopExecution, or after a sibling branch failed, its threads go on and ECS tasks keep running. Every
thread of ours carries a Scope; whoever waits asks it, and ``Cancelled`` unwinds the thread. ``Cancelled`` is
not an ``Exception``, so no Retry or Catch of a state machine can swallow it.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

LOOK_EVERY_SECONDS = 0.1


class Cancelled(BaseException):
    """The work of this thread is no longer wanted."""


@dataclass(eq=False)
class Scope:
    """One execution, or one Map or Parallel state in it, with what surrounds it."""

    execution: dict[str, Any]
    parent: "Scope | None" = None
    is_closed: bool = False

    @property
    def is_cancelled(self) -> bool:
        """True when the execution ended or a surrounding Map or Parallel failed."""
        if self.is_closed or self.execution.get("status") != "RUNNING":
            return True
        return self.parent.is_cancelled if self.parent else False

    def check(self) -> None:
        """Raise Cancelled when this thread's work is no longer wanted."""
        if self.is_cancelled:
            raise Cancelled


current: ContextVar[Scope | None] = ContextVar("current", default=None)
deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def check() -> None:
    """Raise Cancelled if the current thread belongs to a scope that was cancelled."""
    scope = current.get()
    if scope is not None:
        scope.check()


def sleep(seconds: float) -> None:
    """Sleep, waking up to see whether the execution was stopped."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check()
        time.sleep(min(left, LOOK_EVERY_SECONDS))
    check()
