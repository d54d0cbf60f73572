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
    wanted = criterion.value.casefold()
    fits = pattern(wanted)
    # A connector that loads single tables is called `schema.table`.
    fits_schema = pattern(wanted.partition(".")[0])

    def is_loaded(node: Node) -> bool:
        if not node.connectors:
            return fits_schema((node.schema or "").casefold())
        # `meta` may name the provider as well: `fivetran/<id>`.
        names = (name.casefold() for name in node.connectors)
        return any(fits(name) or fits(name.rpartition("/")[2]) for name in names)

    return {unique_id for unique_id in scope.ground.sources if is_loaded(scope.nodes[unique_id])}
