"""The method `connector`, Headgate's own: the sources that a connector loads, so that `connector:stripe+` is what
a sync makes new.

Which connector loads a source is what its `meta` says; without that, the connector whose destination schema is the
source's schema.
"""

from headgate.domain.index import Node
from headgate.domain.selection.methods.patterns import pattern
from headgate.domain.selection.methods.scope import Scope
from headgate.domain.selection.spec import Criterion


def connector(criterion: Criterion, scope: Scope) -> set[str]:
    fits = pattern(criterion.value)
    # A connector that loads single tables is called `schema.table`.
    fits_schema = pattern(criterion.value.partition(".")[0].casefold())

    def is_loaded(node: Node) -> bool:
        return (
            any(map(fits, node.connectors))
            if node.connectors
            else fits_schema((node.schema or "").casefold())
        )

    return {unique_id for unique_id in scope.ground.sources if is_loaded(scope.nodes[unique_id])}
