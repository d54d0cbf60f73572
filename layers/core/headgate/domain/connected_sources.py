"""Which connector loads which source: what its `meta` says; without that, the connector whose schema is the source's.

A sync and the selection method `connector:` ask here, so that what a sync makes new is what is built after it.
"""

from collections.abc import Callable, Iterable

from headgate.domain.index import Node
from headgate.domain.sync import Sync


class ConnectedSources:
    """The sources of a project by what they say of their connectors; letter case means nothing."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._named: dict[str, list[str]] = {}
        self._in_schema: dict[str, list[str]] = {}
        for node in nodes:
            if node.resource_type != "source":
                continue
            for name in node.connectors:
                self._named.setdefault(name.casefold(), []).append(node.unique_id)
            if not node.connectors and node.schema:
                self._in_schema.setdefault(node.schema.casefold(), []).append(node.unique_id)

    def of(self, sync: Sync) -> list[str]:
        """What this sync's connector lands."""
        name = sync.connector_name.casefold()
        found = [
            *self._named.get(name, ()),
            *self._named.get(sync.connector_id.casefold(), ()),
            *self._named.get(sync.connector.casefold(), ()),
            *self._in_schema.get(name, ()),
            *self._in_schema.get(schema_of(name), ()),
        ]
        return list(dict.fromkeys(found))

    def like(self, fits_name: Callable[[str], bool], fits_schema: Callable[[str], bool]) -> set[str]:
        """What connectors of such a name land. Both are asked about names in small letters."""
        # `meta` may name the provider as well: `fivetran/<id>`.
        named = (
            ids for name, ids in self._named.items() if fits_name(name) or fits_name(name.rpartition("/")[2])
        )
        in_schema = (ids for schema, ids in self._in_schema.items() if fits_schema(schema))
        return {unique_id for ids in (*named, *in_schema) for unique_id in ids}


def schema_of(connector: str) -> str:
    """A connector that loads single tables is called `<schema>.<table>`."""
    return connector.partition(".")[0]
