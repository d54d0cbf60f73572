"""Methods that name nodes: `fqn`, `source`, and one for each resource type that only its name can find."""

from fnmatch import fnmatchcase

from headgate.domain.index import Node
from headgate.domain.selection.methods.scope import Match, Method, Scope
from headgate.domain.selection.spec import Criterion
from headgate.errors import SelectionError

_WILDCARDS = frozenset("*?[]")


def fqn(criterion: Criterion, scope: Scope) -> set[str]:
    """A node's name, its package, or the dotted way to it; `*` and `?` match the rest. Not for sources."""
    named = _named_by(criterion.value)
    return scope.where(lambda node: node.resource_type != "source" and bool(node.fqn) and named(node))


def _named_by(wanted: str) -> Match:
    asked = wanted.split(".")
    start = next((place for place, part in enumerate(asked) if _WILDCARDS & set(part)), None)
    version = "_".join(asked[-2:])

    def is_it(name: str, dotted: str) -> bool:
        if name == wanted:
            return True
        if start is None:
            return dotted == wanted or dotted.startswith(wanted + ".")
        return _fits(name, dotted, asked, start)

    def matches(node: Node) -> bool:
        way = node.fqn
        if not node.is_versioned:
            dotted = ".".join(way)
            return is_it(way[-1], dotted) or (len(way) > 1 and is_it(way[-1], dotted[len(way[0]) + 1 :]))
        # the last part of a versioned model's way is its version
        if len(way) < 2:
            return False
        dotted = ".".join(way)
        return (
            is_it(way[-2], dotted)
            or "_".join(way[-2:]) == version
            or (len(way) > 2 and is_it(way[-2], dotted[len(way[0]) + 1 :]))
        )

    return matches


def _fits(name: str, dotted: str, asked: list[str], start: int) -> bool:
    """Whether the parts before the first wildcard are the way's first, and the pattern fits all of its rest."""
    if len(asked) <= dotted.count(".") + 1:
        before = "".join(part + "." for part in asked[:start])
        rest = dotted.removeprefix(before)
        if dotted.startswith(before) and fnmatchcase(rest, ".".join(asked[start:])):
            return True
    else:
        return False
    return len(asked) == 1 and fnmatchcase(name, asked[0])


def source(criterion: Criterion, scope: Scope) -> set[str]:
    """`source`, `source.table` or `package.source.table`."""
    parts = criterion.value.split(".")
    if len(parts) > 3:
        raise SelectionError(f"{criterion.text!r}: write source, source.table or package.source.table")
    wanted_package = parts[0] if len(parts) == 3 else "*"
    wanted_source, wanted_table = parts[-2:] if len(parts) > 1 else (parts[0], "*")
    return scope.where(
        lambda node: (
            node.resource_type == "source"
            and fnmatchcase(node.package_name, wanted_package)
            and fnmatchcase(node.source_name or "", wanted_source)
            and fnmatchcase(node.name, wanted_table)
        )
    )


def of_type(resource_type: str) -> Method:
    """The method that finds resources of one type by `name` or `package.name`."""

    def method(criterion: Criterion, scope: Scope) -> set[str]:
        wanted_package, _dot, name = criterion.value.rpartition(".")
        if "." in wanted_package:
            raise SelectionError(f"{criterion.text!r}: write name or package.name")
        return scope.where(
            lambda node: (
                node.resource_type == resource_type
                and fnmatchcase(node.package_name, wanted_package or "*")
                and fnmatchcase(node.name, name)
            )
        )

    return method
