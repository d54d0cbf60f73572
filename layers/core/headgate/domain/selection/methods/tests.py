"""Methods for tests alone: `test_name` and `test_type`."""

from headgate.domain.selection.methods.patterns import pattern
from headgate.domain.selection.methods.scope import Match, Scope
from headgate.domain.selection.methods.words import one_of
from headgate.domain.selection.spec import Criterion


def test_name(criterion: Criterion, scope: Scope) -> set[str]:
    """A generic test's name (`unique`), or a unit test's own name."""
    fits = pattern(criterion.value)
    return scope.where(
        lambda node: (
            fits(node.test_name)
            if node.resource_type == "test" and node.test_name is not None
            else node.resource_type == "unit_test" and fits(node.name)
        )
    )


def test_type(criterion: Criterion, scope: Scope) -> set[str]:
    """`generic`, `singular`, `unit`, or `data` for the first two (`schema` is an old word for generic)."""
    kinds: dict[str, Match] = {
        "generic": lambda node: node.resource_type == "test" and node.test_name is not None,
        "singular": lambda node: node.resource_type == "test" and node.test_name is None,
        "data": lambda node: node.resource_type == "test",
        "unit": lambda node: node.resource_type == "unit_test",
    }
    kinds["schema"] = kinds["generic"]
    return scope.where(one_of(criterion, kinds))
