"""Values that must be one of a few words."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeVar

from headgate.domain.selection.spec import Criterion
from headgate.errors import SelectionError

_Meaning = TypeVar("_Meaning")


def one_of(criterion: Criterion, words: dict[str, _Meaning]) -> _Meaning:
    """What the value means. Raises SelectionError with the words there are, and the nearest."""
    if criterion.value not in words:
        near = nearest(criterion.value, words)
        raise SelectionError(
            f"{criterion.text!r}: {criterion.value!r} is not one of {', '.join(words)}{near}"
        )
    return words[criterion.value]


def nearest(word: str, words: Iterable[str]) -> str:
    """`; did you mean x?`, or all words when none is near."""
    words = tuple(words)
    near = get_close_matches(word, words, n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(words)}"
