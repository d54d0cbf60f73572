"""The grammar of selection texts: what stands between spaces is a union, between commas an intersection.

One criterion is `[@][n+][method[.argument]:]value[+n]`, as in dbt.graph.selector_spec. dbt takes malformed
operators for names that match nothing; here they are errors, because a job that silently builds nothing is
found out too late.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from headgate.errors import SelectionError

_CRITERION = re.compile(
    r"(?P<at>@)?(?:(?P<up>\d*)\+)?(?:(?P<method>[\w.]+):)?(?P<value>.*?)(?:\+(?P<down>\d*))?", re.DOTALL
)
_METHOD_LIKE = re.compile(r"[A-Za-z][\w. -]*:")
_FILE_ENDINGS = (".sql", ".py", ".csv")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One method with its value, and how far to go from what it matches.

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


@dataclass(frozen=True, slots=True)
class Intersection:
    """Criteria that must all hold."""

    text: str
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """A union of intersections; empty selects nothing."""

    parts: tuple[Intersection, ...] = ()


ALL_THE_WAY = -1


def parse(texts: Sequence[str]) -> Selection:
    """Read the values of one `--select` or `--exclude`.

    Raises SelectionError with the part that is wrong. Whether a method exists is for `methods.check`.
    """
    parts = tuple(_intersection(word) for text in texts for word in text.split())
    if texts and not parts:
        raise SelectionError("a selection is empty: it needs a name, a path or a method such as tag:finance")
    return Selection(parts)


def _intersection(text: str) -> Intersection:
    return Intersection(text, tuple(_criterion(part, text) for part in text.split(",")))


def _criterion(text: str, whole: str) -> Criterion:
    found = _CRITERION.fullmatch(text)
    if not text or found is None:
        raise SelectionError(f"{whole!r}: nothing stands beside a comma; write a,b without spaces")
    value, method = found["value"], found["method"]
    _check_operators(text, value, found["at"] is not None and found["down"] is not None)
    if method is None and _METHOD_LIKE.match(value):
        method, _, value = value.partition(":")
    name, *arguments = method.split(".") if method is not None else [_default_method(value)]
    if not value:
        raise SelectionError(f"{text!r}: the method {name!r} needs a value")
    return Criterion(
        text=text,
        method=name,
        value=value,
        arguments=tuple(arguments),
        parents=_distance(found["up"]),
        children=_distance(found["down"]),
        childrens_parents=found["at"] is not None,
    )


def _check_operators(text: str, value: str, at_and_plus: bool) -> None:
    if at_and_plus:
        raise SelectionError(
            f"{text!r}: '@' in front and '+' behind exclude each other; '@' already takes all descendants"
        )
    if not value.strip("@+") and ":" not in text:
        raise SelectionError(
            f"{text!r}: an operator needs something to work on, as in +orders or tag:finance+"
        )
    if value[:1] in ("@", "+") or value[-1:] in ("@", "+"):
        raise SelectionError(f"{text!r}: operators are one '@' or [n]+ in front and one +[n] behind")


def _default_method(value: str) -> str:
    if "/" in value:
        return "path"
    return "file" if value.lower().endswith(_FILE_ENDINGS) else "fqn"


def _distance(number: str | None) -> int | None:
    if number is None:
        return None
    return int(number) if number else ALL_THE_WAY
