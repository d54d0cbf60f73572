"""What a selection says: criteria, and the set operations that combine them, as a tree.

text.py reads it from `--select` and `--exclude`, definitions.py from selectors.yml, resolve.py turns it into nodes.
The records mirror dbt.graph.selector_spec, because the mode of selecting tests belongs to each part of the tree.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

ALL_THE_WAY = -1
Literal: TypeAlias = bool | int | float


class Indirect(StrEnum):
    """Which tests come along with what is selected: dbt's `--indirect-selection`.

    eager: of any selected parent. cautious: all parents are selected. buildable: all parents are selected, upstream of
    what is selected, or sources. empty: none.
    """

    EAGER = "eager"
    CAUTIOUS = "cautious"
    BUILDABLE = "buildable"
    EMPTY = "empty"


class Operation(StrEnum):
    """How a group combines its parts; difference takes all others away from the first."""

    UNION = "union"
    INTERSECTION = "intersection"
    DIFFERENCE = "difference"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One method with its value, and how far to go from what it matches.

    text: as somebody wrote it, for messages. literal: the value, where selectors.yml has a number, true or false.
    parents, children: None: do not go; -1: all the way; n: so many edges. childrens_parents: `@`, the matched
    nodes, what descends from them, and everything upstream of all that.
    """

    text: str
    method: str
    value: str
    arguments: tuple[str, ...] = ()
    parents: int | None = None
    children: int | None = None
    childrens_parents: bool = False
    indirect: Indirect = Indirect.EAGER
    literal: Literal | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Parts and the operation that combines them; without parts it selects nothing.

    indirect: whether tests that waited for all of their parents are looked at again after combining; only what
    is written on a command line has a mode other than eager here. expected: somebody wrote it, so say when it
    selects nothing.
    """

    operation: Operation
    parts: "tuple[Spec, ...]"
    text: str = ""
    indirect: Indirect = Indirect.EAGER
    expected: bool = False


Spec: TypeAlias = Criterion | Group


def criteria(spec: Spec) -> Iterator[Criterion]:
    """Every criterion of a tree, in the order of writing."""
    if isinstance(spec, Criterion):
        yield spec
    else:
        for part in spec.parts:
            yield from criteria(part)
