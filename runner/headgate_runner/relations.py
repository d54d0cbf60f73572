"""Keeping dbt's relation cache true while other runners build.

dbt reads the list of relations once, at its start, and then follows what it does itself. Two things happen outside
its sight here: another runner builds a node, and another runner's rebuild of a table drops, by cascade, the views
that stood on it. A view that the cache still lists would be renamed out of the way, which fails.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from dbt.adapters.contracts.relation import RelationType
from dbt.adapters.reference_keys import _make_ref_key
from dbt.node_types import NodeType

# Warehouses on which dropping a table drops the views that stand on it.
CASCADING = frozenset({"postgres", "redshift"})

FALLING = frozenset({RelationType.View, RelationType.MaterializedView})

TYPES = {
    "view": RelationType.View,
    "table": RelationType.Table,
    "incremental": RelationType.Table,
    "seed": RelationType.Table,
    "snapshot": RelationType.Table,
    "materialized_view": RelationType.MaterializedView,
}


class RelationSight:
    """What one runner knows of the relations of a step. built: unique_ids that were built here."""

    def __init__(self, config: Any, manifest: Any, planned: Container[str], runners: int) -> None:
        self._config, self._manifest, self._planned = config, manifest, planned
        self._alone = runners == 1
        self._known: set[str] = set()
        self.built: set[str] = set()

    def catch_up(self, adapter: Any, node: Any, *, again: bool) -> None:
        """Before `node` is compiled, in its connection. again: an earlier attempt may have left something behind."""
        if not self._alone:
            self._learn(adapter, self._news(node))
        if again:
            recover(adapter, self._config, node)
        elif not self._alone:
            refresh(adapter, self._config, node)

    def _learn(self, adapter: Any, news: list[Any]) -> None:
        remember(adapter, self._config, news)
        if not self._config.args.defer:
            return
        for parent in news:
            # What a materialization of the project's own leaves, only the warehouse knows; a parent that the cache
            # misses would be deferred.
            if parent.config.materialized not in TYPES:
                recover(adapter, self._config, parent)

    def _news(self, node: Any) -> list[Any]:
        """Parents that another runner built, each of them once."""
        parents = [parent for parent in parents_of(node, self._manifest.nodes) if self._is_news(parent)]
        if node.resource_type == NodeType.Unit:
            # The first of its parents is the model it tests, which is built after it.
            parents = [parent for parent in parents if parent.unique_id != node.depends_on_nodes[0]]
        self._known.update(parent.unique_id for parent in parents)
        return parents

    def _is_news(self, parent: Any) -> bool:
        unique_id = parent.unique_id
        return unique_id in self._planned and unique_id not in self.built and unique_id not in self._known


def parents_of(node: Any, nodes: Mapping[str, Any]) -> Iterator[Any]:
    """The nodes whose relations this one reads: its parents, and through ephemeral ones theirs."""
    rest, seen = list(node.depends_on_nodes), set()
    while rest:
        parent = nodes.get(rest.pop())
        if parent is None or parent.unique_id in seen:
            continue
        seen.add(parent.unique_id)
        if parent.is_ephemeral_model:
            rest.extend(parent.depends_on_nodes)
        else:
            yield parent


def remember(adapter: Any, config: Any, nodes: Iterable[Any]) -> None:
    """Add relations that other runners built; asks the warehouse nothing."""
    for node in nodes:
        kind = TYPES.get(node.config.materialized)
        if kind is None or not node.is_relational:
            continue
        relation = adapter.Relation.create_from(config, node, type=kind)
        cached = _cached(adapter, relation)
        if cached is None:
            adapter.cache_added(relation)
        elif cached.type != kind:
            adapter.cache_dropped(cached)
            adapter.cache_added(relation)


def refresh(adapter: Any, config: Any, node: Any) -> None:
    """Forget the view of `node` if it fell with somebody else's table; one small query in the node's connection."""
    if adapter.type() not in CASCADING or not node.is_relational:
        return
    cached = _cached(adapter, adapter.Relation.create_from(config, node))
    # Nobody but this node's own build creates or changes it; a table falls with nothing.
    if cached is not None and cached.type in FALLING and not _exists(adapter, cached):
        adapter.cache_dropped(cached)


def absent(adapter: Any, config: Any, nodes: Iterable[Any]) -> set[str]:
    """unique_ids of those whose relation is not there; asks the warehouse only for schemas that dbt has not read."""
    wanted = {node.unique_id: adapter.Relation.create_from(config, node) for node in nodes}
    schemas = {(relation.database, relation.schema) for relation in wanted.values()}
    there = {_make_ref_key(relation) for schema in schemas for relation in adapter.list_relations(*schema)}
    return {unique_id for unique_id, relation in wanted.items() if _make_ref_key(relation) not in there}


def _exists(adapter: Any, relation: Any) -> bool:
    schema, name = (part.replace("'", "''") for part in (relation.schema, relation.identifier))
    _, found = adapter.execute(
        "select 1 from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace "  # noqa: S608 - names of the project, quoted
        f"where n.nspname = '{schema}' and c.relname = '{name}' and c.relkind in ('v', 'm')",
        fetch=True,
    )
    return len(found) > 0


def recover(adapter: Any, config: Any, node: Any) -> None:
    """Make the cache agree with what a killed attempt of `node` left behind: the relation, a tmp, a backup.

    dbt drops a leftover before it begins, but only one that its cache knows: a backup that was committed by the
    dead attempt would otherwise be in the way of the next one's rename. One query, in the node's own connection.
    """
    if not node.is_relational:
        return
    own = adapter.Relation.create_from(config, node)
    known = _named_like(own, adapter.cache.get_relations(own.database, own.schema))
    listed = _named_like(own, adapter.list_relations_without_caching(own.without_identifier()))
    for name in known.keys() | listed.keys():
        cached, found = known.get(name), listed.get(name)
        # What is as the cache says stays: dropping it from the cache would drop the views that stand on it, too.
        if cached is not None and (found is None or found.type != cached.type):
            adapter.cache_dropped(cached)
        if found is not None and (cached is None or found.type != cached.type):
            adapter.cache_added(found)


def _named_like(own: Any, relations: Iterable[Any]) -> dict[str, Any]:
    """name -> relation: `own`, and the names that dbt makes of it by cutting it and adding a suffix."""
    return {relation.identifier.lower(): relation for relation in relations if _is_of(relation, own)}


def _is_of(relation: Any, own: Any) -> bool:
    name, base = relation.identifier.lower(), own.identifier.lower()
    stem, _, suffix = name.rpartition("__dbt_")
    return name == base or bool(stem and suffix and base.startswith(stem))


def _cached(adapter: Any, relation: Any) -> Any:
    # By key: dbt's own look-up goes through everything in the cache.
    known = adapter.cache.relations.get(_make_ref_key(relation))
    return known.inner if known is not None else None
