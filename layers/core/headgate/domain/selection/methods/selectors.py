"""The method `selector`: what a selector of selectors.yml selects, as dbt 1.12 has it."""

from headgate.domain.selection.methods.patterns import pattern
from headgate.domain.selection.methods.scope import Scope
from headgate.domain.selection.methods.words import nearest
from headgate.domain.selection.spec import Criterion
from headgate.errors import SelectionError


def selector(criterion: Criterion, scope: Scope) -> set[str]:
    """Everything that the selectors of this name select; their own tests are not looked for once more."""
    if scope.selected_by is None:
        return set()
    names = list(filter(pattern(criterion.value), scope.selectors))
    if not names:
        raise SelectionError(f"{criterion.text!r}: {unknown(criterion.value, scope.selectors)}")
    return set().union(*map(scope.selected_by, names))


def unknown(name: str, selectors: tuple[str, ...]) -> str:
    """What to say when selectors.yml has no selector of this name."""
    if not selectors:
        return f"there is no selector {name!r}: the manifest has none; after a change of selectors.yml publish it again"
    return f"there is no selector {name!r} in selectors.yml{nearest(name, selectors)}"
