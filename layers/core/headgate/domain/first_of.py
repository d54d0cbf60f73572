"""The beginning of a list, as a sentence names it."""

from collections.abc import Sequence


def first_of(names: Sequence[str], most: int) -> str:
    """`a, b, c and 4 more`: at most that many by name."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
