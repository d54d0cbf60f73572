"""The method `connector`, Headgate's own: the sources that a connector loads, so that `connector:stripe+` is what
a sync makes new."""

from headgate.domain.connected_sources import ConnectedSources, schema_of
from headgate.domain.selection.methods.patterns import pattern
from headgate.domain.selection.methods.scope import Scope
from headgate.domain.selection.spec import Criterion


def connector(criterion: Criterion, scope: Scope) -> set[str]:
    wanted = criterion.value.casefold()
    sources = ConnectedSources(scope.nodes[unique_id] for unique_id in scope.ground.sources)
    return sources.like(pattern(wanted), pattern(schema_of(wanted)))
