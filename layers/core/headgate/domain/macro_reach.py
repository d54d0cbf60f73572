"""Which macros a node reaches, and what they bring along: those of the project and its packages, not dbt's own.

dbt's own macros come with dbt's version; but through them a node may reach macros of the project again.
"""

from collections.abc import Iterable

from headgate.domain.code import Macro
from headgate.domain.index import Index, Node

_ADAPTERS = (
    "postgres redshift snowflake bigquery spark databricks duckdb athena trino sqlserver fabric synapse clickhouse "
    "mysql mariadb oracle sqlite teradata vertica exasol firebolt materialize risingwave dremio starrocks doris hive "
    "impala glue greenplum singlestore fabricspark timescaledb ibmdb2 db2 rockset decodable extrica"
)
DBT_PACKAGES = frozenset({"dbt", *(f"dbt_{name}" for name in _ADAPTERS.split())})
# Whatever stands in for these is used by tests alone.
_OF_TESTS = frozenset({"get_where_subquery", "get_test_sql", "get_unit_test_sql", "should_store_failures"})
_MATERIALIZATION = "materialization_"


def package_of(macro: str) -> str:
    """`macro.<package>.<name>`"""
    return macro.split(".", 2)[1]


def name_of(macro: str) -> str:
    return macro.split(".", 2)[2] if macro.count(".") > 1 else macro


class MacroReach:
    """Of one project."""

    def __init__(self, index: Index) -> None:
        self._macros = index.macros
        self._reached: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._everywhere = [macro for macro, found in index.macros.items() if found.everywhere]

    def of(self, node: Node) -> tuple[str, ...]:
        """The macros of the project and its packages that building this node may run, sorted."""
        start = (*node.code.macros, *self._standing_in(node))
        if start not in self._reached:
            found = (macro for macro in self._closure(start) if package_of(macro) not in DBT_PACKAGES)
            self._reached[start] = tuple(sorted(found))
        return self._reached[start]

    def first_with(self, node: Node, field: str) -> tuple[str, str]:
        """The first macro whose `volatile` or `hidden` says something, and what; two empty texts: there is none."""
        for macro in self.of(node):
            if said := getattr(self._macros[macro], field):
                return macro, said
        return "", ""

    def has_star(self, node: Node) -> bool:
        """Whether one of them writes columns that are whatever there is upstream."""
        return any(self._macros[macro].star for macro in self.of(node))

    def way_to(self, node: Node, macro: str) -> tuple[str, ...]:
        """The macros between the node and this one, the nearest to the node first."""
        came: dict[str, str] = dict.fromkeys((*node.code.macros, *self._standing_in(node)), "")
        waiting = list(came)
        for at in waiting:
            if at == macro:
                break
            for other in self._called(at):
                if other not in came:
                    came[other] = at
                    waiting.append(other)
        way = []
        while macro := came.get(macro, ""):
            way.append(macro)
        return tuple(reversed(way))

    def _standing_in(self, node: Node) -> list[str]:
        is_test = node.resource_type == "test"
        return [macro for macro in self._everywhere if _concerns(name_of(macro), node, is_test=is_test)]

    def _closure(self, start: Iterable[str]) -> set[str]:
        waiting = [macro for macro in start if macro in self._macros]
        found = set(waiting)
        while waiting:
            for other in self._called(waiting.pop()):
                if other not in found and other in self._macros:
                    found.add(other)
                    waiting.append(other)
        return found

    def _called(self, macro: str) -> tuple[str, ...]:
        return self._macros.get(macro, Macro()).macros


def _concerns(name: str, node: Node, *, is_test: bool) -> bool:
    if name.startswith(_MATERIALIZATION):
        # materialization_<name>_<adapter>
        return name.removeprefix(_MATERIALIZATION).rpartition("_")[0] == node.materialized
    return is_test or name.rpartition("__")[2] not in _OF_TESTS
