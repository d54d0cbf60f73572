"""Keeping dbt's relation cache true while other runners build.

dbt reads the list of relations once, at its start, and then follows what it does itself. Two things happen outside
its sight here: another runner builds a node, and another runner's rebuild of a table drops, by cascade, the views
that stood on it. A view that the cache still lists would be renamed out of the way, which fails.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dbt.adapters.contracts.relation import RelationType

# Warehouses on which dropping a table drops the views that stand on it.
CASCADING = frozenset({"postgres", "redshift"})

TYPES = {
    "view": RelationType.View,
    "table": RelationType.Table,
    "incremental": RelationType.Table,
    "seed": RelationType.Table,
    "snapshot": RelationType.Table,
    "materialized_view": RelationType.MaterializedView,
}


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
    """Make the cache's entry of `node` agree with the warehouse, by one query in the node's own connection."""
    if adapter.type() not in CASCADING or not node.is_relational:
        return
    cached = _cached(adapter, adapter.Relation.create_from(config, node))
    if cached is None:
        # Nobody but this node's own build creates it: what was not there at the start is not there now.
        return
    listed = adapter.list_relations_without_caching(cached.without_identifier())
    found = next((relation for relation in listed if relation.identifier == cached.identifier), None)
    if found is not None and found.type == cached.type:
        return
    adapter.cache_dropped(cached)
    if found is not None:
        adapter.cache_added(found)


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
    known = adapter.cache.get_relations(relation.database, relation.schema)
    matching = (other for other in known if other.identifier.lower() == relation.identifier.lower())
    return next(matching, None)
