"""The method `connector`, Headgate's own: the sources that a connector loads, so that `connector:stripe+` is what
a sync makes new.

Which connector loads a source is what its `meta` says; without that, the connector whose destination schema is the
source's schema.
"""

from fnmatch import fnmatchcase

from headgate.domain.index import Node
from headgate.domain.selection.methods.scope import Scope
from headgate.domain.selection.spec import Criterion


def connector(criterion: Criterion, scope: Scope) -> set[str]:
    return scope.where(lambda node: _is_loaded_by(node, criterion.value))


def _is_loaded_by(node: Node, name: str) -> bool:
    if node.resource_type != "source":
        return False
    wanted = name.casefold()
    if node.connectors:
        # `meta` may name the provider as well: `fivetran/<id>`.
        forms = (
            form for own in node.connectors for form in (own.casefold(), own.casefold().rpartition("/")[2])
        )
        return any(fnmatchcase(form, wanted) for form in forms)
    # A connector that loads single tables is called `schema.table`.
    return fnmatchcase((node.schema or "").casefold(), wanted.partition(".")[0])
