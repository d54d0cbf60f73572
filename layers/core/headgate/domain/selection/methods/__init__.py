"""One small function per selection method: given a criterion and a scope, it returns the unique_ids that match.

What a method means, and which kinds of resources it looks at, is dbt's (dbt.graph.selector_methods, 1.11, and 1.12 for
`selector`). `connector` is Headgate's own.
"""

from headgate.domain.index import Index
from headgate.domain.selection.earlier import Earlier
from headgate.domain.selection.ground import Ground
from headgate.domain.selection.methods.comparing import COMPARING, result, source_status, state
from headgate.domain.selection.methods.connectors import connector
from headgate.domain.selection.methods.naming import fqn, of_type, source
from headgate.domain.selection.methods.places import file, package, path
from headgate.domain.selection.methods.properties import (
    access,
    config,
    group,
    resource_type,
    tag,
    version,
)
from headgate.domain.selection.methods.scope import Method, Scope
from headgate.domain.selection.methods.selectors import selector
from headgate.domain.selection.methods.tests import test_name, test_type
from headgate.domain.selection.methods.words import nearest
from headgate.domain.selection.spec import Criterion, criteria
from headgate.domain.selection.text import parse
from headgate.errors import SelectionError

METHODS: dict[str, Method] = {
    "fqn": fqn,
    "tag": tag,
    "path": path,
    "file": file,
    "package": package,
    "source": source,
    "exposure": of_type("exposure"),
    "metric": of_type("metric"),
    "semantic_model": of_type("semantic_model"),
    "saved_query": of_type("saved_query"),
    "unit_test": of_type("unit_test"),
    "group": group,
    "access": access,
    "resource_type": resource_type,
    "config": config,
    "test_name": test_name,
    "test_type": test_type,
    "version": version,
    "state": state,
    "result": result,
    "source_status": source_status,
    "selector": selector,
    "connector": connector,
}
_NOTHING = Ground(Index())
# Compares nothing with nothing: values are checked, no node is found.
_CHECKING = Earlier(_NOTHING.index, {}, {}, {})


def find(criterion: Criterion, scope: Scope) -> set[str]:
    """What one criterion matches, without operators and tests.

    Raises SelectionError for an unknown method, a value it cannot have, or an artifact that is missing.
    """
    check_method(criterion)
    return METHODS[criterion.method](criterion, scope)


def check_method(criterion: Criterion) -> None:
    """Raises SelectionError with the nearest names for a method that does not exist."""
    if criterion.method not in METHODS:
        near = nearest(criterion.method, METHODS)
        raise SelectionError(f"{criterion.text!r}: {criterion.method!r} is not a selection method{near}")


def check(text: str, *, state: bool = False) -> None:
    """Whether a selection text is well formed, every method exists and can have its value.

    state: whether there will be an earlier run to compare with. Raises SelectionError.
    """
    scope = Scope(_NOTHING, _CHECKING if state else None)
    for criterion in criteria(parse([text])):
        find(criterion, scope)


def compares(text: str) -> bool:
    """Whether a text that was checked needs an earlier run."""
    return any(criterion.method in COMPARING for criterion in criteria(parse([text])))
