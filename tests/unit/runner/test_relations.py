"""The relation cache follows what other runners do; dbt's own cache and Postgres relations, an invented warehouse."""

from types import SimpleNamespace
from typing import Any

import pytest
from dbt.adapters.cache import RelationsCache
from dbt.adapters.contracts.relation import RelationType
from dbt.adapters.postgres.relation import PostgresRelation

from headgate_runner import relations


def relation(name: str, kind: RelationType | None = RelationType.View) -> PostgresRelation:
    return PostgresRelation.create(database="shop", schema="core", identifier=name, type=kind)


class Warehouse:
    """As much of an adapter as is used: a cache, and what is really there."""

    class Relation:
        @staticmethod
        def create_from(_config: Any, node: Any, type: RelationType | None = None) -> PostgresRelation:
            return relation(node.identifier, type)

    def __init__(self, *there: PostgresRelation, kind: str = "postgres") -> None:
        self.there, self.kind, self.listed = list(there), kind, 0
        self.cache = RelationsCache()
        self.cache_added, self.cache_dropped = self.cache.add, self.cache.drop

    def type(self) -> str:
        return self.kind

    def list_relations(self, _database: str, _schema: str) -> list[PostgresRelation]:
        self.listed += 1
        return self.there

    def list_relations_without_caching(self, _schema: Any) -> list[PostgresRelation]:
        self.listed += 1
        return self.there

    def execute(self, statement: str, fetch: bool) -> tuple[str, list[PostgresRelation]]:
        self.listed += 1
        found = [one for one in self.there if f"relname = '{one.identifier}'" in statement]
        return "SELECT", [one for one in found if one.type != RelationType.Table]

    @property
    def cached(self) -> dict[str, Any]:
        return {found.identifier: found.type for found in self.cache.get_relations("shop", "core")}


def node(name: str, materialized: str = "view", is_relational: bool = True) -> Any:
    config = SimpleNamespace(materialized=materialized)
    return SimpleNamespace(identifier=name, config=config, is_relational=is_relational)


@pytest.mark.parametrize("kind", ["postgres", "redshift"])
def test_a_view_that_fell_with_somebody_elses_table_leaves_the_cache_with_its_own_views(kind: str) -> None:
    warehouse = Warehouse(relation("other"), kind=kind)
    for name in ("gone", "on_gone", "other"):
        warehouse.cache.add(relation(name))
    warehouse.cache.update_schemas([("shop", "core")])
    warehouse.cache.add_link(relation("gone"), relation("on_gone"))

    relations.refresh(warehouse, None, node("gone"))

    assert set(warehouse.cached) == {"other"}


def test_what_is_as_the_cache_says_keeps_its_links() -> None:
    warehouse = Warehouse(relation("kept"), relation("on_kept"))
    for name in ("kept", "on_kept"):
        warehouse.cache.add(relation(name))
    warehouse.cache.update_schemas([("shop", "core")])
    warehouse.cache.add_link(relation("kept"), relation("on_kept"))

    relations.refresh(warehouse, None, node("kept"))
    warehouse.cache.drop(relation("kept"))

    assert warehouse.cached == {}


@pytest.mark.parametrize(
    ("warehouse", "asked"),
    [
        (Warehouse(kind="snowflake"), node("a")),
        (Warehouse(), node("b")),
        (Warehouse(), node("a", "test", False)),
        (Warehouse(), node("t")),
    ],
    ids=["no cascade there", "was never there", "no relation", "a table falls with nothing"],
)
def test_the_warehouse_is_not_asked_without_need(warehouse: Warehouse, asked: Any) -> None:
    warehouse.cache.add(relation("a"))
    warehouse.cache.add(relation("t", RelationType.Table))
    relations.refresh(warehouse, None, asked)
    assert warehouse.listed == 0


def test_what_others_built_is_known_without_asking() -> None:
    warehouse = Warehouse()
    warehouse.cache.add(relation("turned"))
    relations.remember(
        warehouse,
        None,
        [
            node("seeded", "seed"),
            node("turned", "incremental"),
            node("viewed", "view"),
            node("odd", "own_materialization"),
            node("exposed", "view", is_relational=False),
        ],
    )
    assert warehouse.cached == {
        "seeded": RelationType.Table,
        "turned": RelationType.Table,
        "viewed": RelationType.View,
    }
    assert warehouse.listed == 0


def test_what_a_killed_attempt_left_is_known_to_the_next_one() -> None:
    there = ("a", "a__dbt_backup", "a__dbt_tmp", "on_a", "b", "b__dbt_backup")
    warehouse = Warehouse(*map(relation, there))
    for name in ("a", "on_a", "b"):
        warehouse.cache.add(relation(name))
    warehouse.cache.update_schemas([("shop", "core")])
    warehouse.cache.add_link(relation("a"), relation("on_a"))

    relations.recover(warehouse, None, node("a"))

    # Its own leftovers, nobody else's; and what stands on it is still known.
    assert set(warehouse.cached) == {"a", "a__dbt_backup", "a__dbt_tmp", "on_a", "b"}


def test_what_a_killed_attempt_took_away_is_forgotten() -> None:
    warehouse = Warehouse(relation("a__dbt_backup"))
    warehouse.cache.add(relation("a"))
    relations.recover(warehouse, None, node("a"))
    assert set(warehouse.cached) == {"a__dbt_backup"}


def test_a_name_that_dbt_had_to_cut_is_recognised() -> None:
    long = "x" * 60
    warehouse = Warehouse(relation("x" * 51 + "__dbt_backup"))
    relations.recover(warehouse, None, node(long))
    assert set(warehouse.cached) == {"x" * 51 + "__dbt_backup"}


def test_what_is_not_there_is_found_by_name_with_one_look_at_each_schema() -> None:
    warehouse = Warehouse(relation("orders", RelationType.Table), relation("Customers"))
    nodes = [named("orders"), named("customers"), named("lost", "table")]
    assert relations.absent(warehouse, None, nodes) == {"model.shop.lost"}
    assert warehouse.listed == 1


def named(name: str, materialized: str = "view") -> Any:
    made = node(name, materialized)
    made.unique_id = f"model.shop.{name}"
    return made
