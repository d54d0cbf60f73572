"""Values with wildcards, as a shell has them: `*`, `?`, `[a-z]`."""

import re
from collections.abc import Callable
from fnmatch import translate

WILDCARDS = frozenset("*?[]")


def pattern(text: str) -> Callable[[str], bool]:
    """The test of a whole text, made once for all nodes."""
    if not WILDCARDS & set(text):
        return text.__eq__
    if text == "*":
        return lambda _: True
    fits = re.compile(translate(text)).match
    return lambda value: fits(value) is not None
