"""Methods that name nodes: `fqn`, `source`, and one for each resource type that only its name can find."""

from collections.abc import Callable

from headgate.domain.selection.methods.patterns import WILDCARDS, pattern
from headgate.domain.selection.methods.scope import Method, Scope
from headgate.domain.selection.spec import Criterion
from headgate.errors import SelectionError


def fqn(criterion: Criterion, scope: Scope) -> set[str]:
    """A node's name, its package, or the dotted way to it; `*` and `?` match the rest. Not for sources."""
    wanted = criterion.value
    asked = wanted.split(".")
    version = "_".join(asked[-2:])
    if WILDCARDS & set(wanted):
        fits = _pattern(asked)
        # Without a dot it is a name's pattern as well.
        fits_name = pattern(wanted) if len(asked) == 1 else wanted.__eq__
    else:
        below = wanted + "."
        fits_name = wanted.__eq__

        def fits(dotted: str) -> bool:
            return dotted == wanted or dotted.startswith(below)

    return {
        way.unique_id
        for way in scope.ground.ways
        if fits_name(way.name)
        or fits(way.dotted)
        or (way.without_package and fits(way.without_package))
        or way.versioned == version
    }


def _pattern(asked: list[str]) -> Callable[[str], bool]:
    """The test of a way: its first parts are those before the first wildcard, and the rest fits all of the rest."""
    start = next(place for place, part in enumerate(asked) if WILDCARDS & set(part))
    before, least = "".join(part + "." for part in asked[:start]), len(asked) - 1
    rest = pattern(".".join(asked[start:]))
    return lambda dotted: (
        dotted.startswith(before) and dotted.count(".") >= least and rest(dotted[len(before) :])
    )


def source(criterion: Criterion, scope: Scope) -> set[str]:
    """`source`, `source.table` or `package.source.table`."""
    parts = criterion.value.split(".")
    if len(parts) > 3:
        raise SelectionError(f"{criterion.text!r}: write source, source.table or package.source.table")
    wanted_package = parts[0] if len(parts) == 3 else "*"
    wanted_source, wanted_table = parts[-2:] if len(parts) > 1 else (parts[0], "*")
    fits = [pattern(wanted) for wanted in (wanted_package, wanted_source, wanted_table)]
    return {
        unique_id
        for unique_id in scope.ground.sources
        for node in [scope.nodes[unique_id]]
        if fits[0](node.package_name) and fits[1](node.source_name or "") and fits[2](node.name)
    }


def of_type(resource_type: str) -> Method:
    """The method that finds resources of one type by `name` or `package.name`."""

    def method(criterion: Criterion, scope: Scope) -> set[str]:
        wanted_package, _dot, name = criterion.value.rpartition(".")
        if "." in wanted_package:
            raise SelectionError(f"{criterion.text!r}: write name or package.name")
        fits_package, fits_name = pattern(wanted_package or "*"), pattern(name)
        return scope.where(
            lambda node: (
                node.resource_type == resource_type
                and fits_package(node.package_name)
                and fits_name(node.name)
            )
        )

    return method
