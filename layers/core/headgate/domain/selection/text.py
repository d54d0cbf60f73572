"""The grammar of selection texts: what stands between spaces is a union, between commas an intersection.

One criterion is `[@][n+][method[.argument]:]value[+n]`, as in dbt.graph.selector_spec. dbt takes malformed
operators for names that match nothing; here they are errors, because a job that silently builds nothing is
found out too late.
"""

import re
from collections.abc import Sequence

from headgate.domain.selection.spec import ALL_THE_WAY, Criterion, Group, Indirect, Operation, Spec
from headgate.errors import SelectionError

_CRITERION = re.compile(
    r"(?P<at>@)?(?:(?P<up>\d*)\+)?(?:(?P<method>[\w.]+):)?(?P<value>.*?)(?:\+(?P<down>\d*))?", re.DOTALL
)
_METHOD_LIKE = re.compile(r"[A-Za-z][\w. -]*:")
_FILE_ENDINGS = (".sql", ".py", ".csv")


def parse(texts: Sequence[str], indirect: Indirect = Indirect.EAGER) -> Group:
    """Read the values of one `--select` or `--exclude`: a union of intersections of criteria.

    Raises SelectionError with the part that is wrong. Whether a method exists is for `methods.check`.
    """
    parts = tuple(_intersection(word, indirect) for text in texts for word in text.split())
    if texts and not parts:
        raise SelectionError("a selection is empty: it needs a name, a path or a method such as tag:finance")
    return Group(Operation.UNION, parts, " ".join(texts), indirect)


def difference(select: Sequence[str], exclude: Sequence[str], indirect: Indirect, everything: Spec) -> Group:
    """What `--select` and `--exclude` say together; `everything` stands for a missing --select."""
    included = parse(select, indirect) if select else everything
    return Group(Operation.DIFFERENCE, (included, parse(exclude, indirect)))


def _intersection(text: str, indirect: Indirect) -> Group:
    parts = tuple(criterion(part, text, indirect) for part in text.split(","))
    return Group(Operation.INTERSECTION, parts, text, indirect, expected=True)


def criterion(text: str, whole: str, indirect: Indirect = Indirect.EAGER) -> Criterion:
    """Read one criterion. `whole`: what to quote when nothing is there. Raises SelectionError."""
    found = _CRITERION.fullmatch(text)
    if not text or found is None:
        raise SelectionError(f"{whole!r}: nothing stands beside a comma; write a,b without spaces")
    value, method = found["value"], found["method"]
    _check_operators(text, value, found["at"] is not None and found["down"] is not None)
    if method is None and _METHOD_LIKE.match(value):
        method, _, value = value.partition(":")
    name, *arguments = method.split(".") if method is not None else [default_method(value)]
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
        indirect=indirect,
    )


def default_method(value: str) -> str:
    """What a value without a method means: a path, a file, or the way to a node."""
    if "/" in value:
        return "path"
    return "file" if value.lower().endswith(_FILE_ENDINGS) else "fqn"


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


def _distance(number: str | None) -> int | None:
    if number is None:
        return None
    return int(number) if number else ALL_THE_WAY
