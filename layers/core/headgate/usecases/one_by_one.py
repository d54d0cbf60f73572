"""Do the same for several, none of which holds up the others."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from headgate.errors import HeadgateError

T = TypeVar("T")
R = TypeVar("R")


def one_by_one(things: Iterable[T], work: Callable[[T], Iterable[R]]) -> list[R]:
    """What came of all of them. The last failure is raised when all have had their turn."""
    done: list[R] = []
    failure: HeadgateError | None = None
    for thing in things:
        try:
            done += work(thing)
        except HeadgateError as fault:
            failure = fault
    if failure is not None:
        raise failure
    return done
