"""Comparing two indexes, aspect by aspect. That it equals dbt is shown by the integration tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from headgate.domain.index import Index
from headgate.domain.manifest import read_manifest
from headgate.domain.state import ASPECTS, Comparison
from headgate.errors import InputError
from tests.builders import make_entry, make_index, make_manifest

FIXTURES = Path(__file__).parents[2] / "fixtures"
MODEL = "model.shop.orders"
# dbt keeps everything else in a section of its own.
SECTIONS = {
    "source": "sources",
    "exposure": "exposures",
    "metric": "metrics",
    "semantic_model": "semantic_models",
    "saved_query": "saved_queries",
    "unit_test": "unit_tests",
    "function": "functions",
}
IDS = {
    "model": MODEL,
    "seed": "seed.shop.prices",
    "snapshot": "snapshot.shop.history",
    "test": "test.shop.orders_are_known",
    "analysis": "analysis.shop.look",
    "source": "source.shop.raw.orders",
    "exposure": "exposure.shop.report",
    "metric": "metric.shop.count",
    "semantic_model": "semantic_model.shop.facts",
    "saved_query": "saved_query.shop.by_day",
    "unit_test": "unit_test.shop.orders.adds_up",
    "function": "function.shop.double_it",
}


def read(*entries: dict[str, Any], macros: dict[str, Any] | None = None) -> Index:
    sections: dict[str, Any] = {"nodes": {}}
    for entry in entries:
        section = SECTIONS.get(entry["resource_type"], "nodes")
        sections.setdefault(section, {})[entry["unique_id"]] = entry
    called = {unique_id: {"unique_id": unique_id, **macro} for unique_id, macro in (macros or {}).items()}
    return read_manifest(json.dumps(make_manifest(macros=called) | sections).encode())


def aspects(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The aspects in which an entry differs; `` when it is modified at all."""
    comparison = Comparison(read(after), read(before))
    return {aspect for aspect in ("", *ASPECTS) if comparison.modified(aspect)}


def changed(resource_type: str, before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return aspects(make_entry(IDS[resource_type], **before), make_entry(IDS[resource_type], **before | after))


PERSISTED = {"config": {"persist_docs": {"relation": True, "columns": True}}}
ENFORCED = {"contract": {"enforced": True, "checksum": "1"}}
GENERIC = {"test_metadata": {"name": "unique", "kwargs": {}}}


@pytest.mark.parametrize(
    ("resource_type", "before", "after", "expected"),
    [
        ("model", {}, {"raw_code": "select 2"}, {"", "body"}),
        ("model", {}, {"raw_code": "select 1 "}, {"", "body"}),
        ("model", {}, {"checksum": {"name": "sha256", "checksum": "1"}}, set()),
        ("model", {}, {"unrendered_config": {"materialized": "view"}}, {"", "configs"}),
        ("model", {}, {"unrendered_config": {"unheard_of": None}}, {"", "configs"}),
        ("model", {}, {"config": {"materialized": "view"}}, set()),
        ("model", {}, {"unrendered_config": {"tags": ["new"], "group": "new"}}, set()),
        ("model", {}, {"unrendered_config": {"meta": {"owner": "x"}}}, {"", "configs"}),
        ("model", {}, {"unrendered_config": {"schema": "other"}}, {"", "relation"}),
        ("model", {}, {"unrendered_config": {"alias": None}}, set()),
        ("model", {}, {"schema": "other", "database": "other", "relation_name": "other"}, set()),
        ("model", {}, {"description": "x", "columns": {"id": {"description": "x"}}}, set()),
        ("model", PERSISTED, {"description": "x"}, {"", "persisted_descriptions"}),
        ("model", PERSISTED, {"columns": {"id": {"description": "x"}}}, {"", "persisted_descriptions"}),
        ("model", {"description": "x"}, PERSISTED, set()),
        ("model", {}, PERSISTED | {"description": "x"}, {"", "persisted_descriptions"}),
        ("model", {}, ENFORCED, {"", "contract"}),
        ("model", ENFORCED, {"contract": {"enforced": False, "checksum": "1"}}, {"", "contract"}),
        ("model", ENFORCED, {"contract": {"enforced": True, "checksum": "2"}}, {"", "contract"}),
        ("model", {}, {"contract": {"enforced": False, "checksum": "2"}}, set()),
        ("model", {}, {"fqn": ["shop", "marts", "orders"]}, {""}),
        ("model", {}, {"latest_version": 2}, {""}),
        ("model", {}, {"access": "public"}, {""}),
        ("model", {}, {"access": "protected"}, set()),
        ("model", {}, {"deprecation_date": "2040-01-01T00:00:00+00:00"}, {""}),
        ("model", {}, {"group": "new", "tags": ["new"], "patch_path": "shop://x.yml"}, set()),
        ("seed", {}, {"checksum": {"name": "sha256", "checksum": "1"}}, {"", "body"}),
        ("seed", {}, {"checksum": {"name": "path", "checksum": "0" * 64}}, {"", "body"}),
        ("seed", {}, {"raw_code": "select 2"}, set()),
        ("snapshot", {}, {"unrendered_config": {"unique_key": "id"}}, {"", "configs"}),
        ("analysis", {}, {"raw_code": "select 2"}, {"", "body"}),
        ("test", {}, {"raw_code": "select 2"}, {"", "body"}),
        ("test", GENERIC, {"raw_code": "select 2"}, {"body"}),
        ("test", GENERIC, {"unrendered_config": {"where": "id > 0"}}, {"", "configs"}),
        ("test", GENERIC, {"unrendered_config": {"meta": {"x": 1}, "enabled": True}}, set()),
        ("test", GENERIC, {"unrendered_config": {"schema": "other"}}, {"relation"}),
        ("test", {}, {"unrendered_config": {"schema": "other"}}, {"", "relation"}),
        ("unit_test", {}, {"checksum": "1"}, {""}),
        ("unit_test", {}, {"description": "x", "unrendered_config": {"x": 1}}, set()),
        ("source", {}, {"schema": "other"}, {"", "relation"}),
        ("source", {}, {"identifier": "other"}, {"", "relation"}),
        ("source", {}, {"unrendered_schema": "{{ other }}"}, set()),
        ("source", {}, {"freshness": {"warn_after": {"count": 1, "period": "day"}}}, {""}),
        ("source", {}, {"loaded_at_field": "at"}, {""}),
        ("source", {}, {"quoting": {"identifier": True}}, {""}),
        ("source", {}, {"external": {"location": "s3://lake"}}, {""}),
        ("source", {}, {"unrendered_config": {"tags": ["new"]}}, {"", "configs"}),
        ("source", {}, {"description": "x", "tags": ["new"], "columns": {"id": {}}}, set()),
        ("exposure", {}, {"owner": {"name": "Ada"}}, {""}),
        ("exposure", {}, {"url": "https://example.com"}, {""}),
        ("exposure", {}, {"unrendered_config": {"tags": ["new"]}}, {"", "configs"}),
        ("exposure", {}, {"raw_code": "select 2", "tags": ["new"]}, set()),
        ("metric", {}, {"label": "Count"}, {""}),
        ("metric", {}, {"type": "ratio"}, {""}),
        ("metric", {}, {"type_params": {"measure": "x"}, "unrendered_config": {"group": "x"}}, set()),
        ("semantic_model", {}, {"measures": [{"name": "n", "agg": "count"}]}, {""}),
        ("semantic_model", {}, {"config": {"meta": {"x": 1}}}, {"", "configs"}),
        ("semantic_model", {}, {"defaults": None, "entities": []}, set()),
        ("semantic_model", {}, {"defaults": {"agg_time_dimension": None}}, set()),
        ("saved_query", {}, {"query_params": {"metrics": ["count"]}}, {""}),
        ("saved_query", {}, {"exports": [{"name": "x", "unrendered_config": {"alias": "x"}}]}, {""}),
        ("saved_query", {}, {"tags": ["new"]}, {""}),
        ("function", {}, {"arguments": [{"name": "x", "data_type": "int"}]}, {""}),
        ("function", {}, {"raw_code": "select 2"}, {"", "body"}),
    ],
)
def test_what_is_modified(
    resource_type: str, before: dict[str, Any], after: dict[str, Any], expected: set[str]
) -> None:
    before = {"schema": "analytics", "database": "warehouse", **before}
    assert changed(resource_type, before, after) == expected
    assert changed(resource_type, before, {}) == set()


def test_the_order_of_keys_and_columns_says_nothing_but_that_of_lists_does() -> None:
    one = {"unrendered_config": {"a": 1, "b": {"c": 1, "d": 2}}, "columns": {"x": {}, "y": {}}}
    other = {"unrendered_config": {"b": {"d": 2, "c": 1}, "a": 1}, "columns": {"y": {}, "x": {}}}
    assert changed("model", PERSISTED | one, other) == set()
    assert changed("model", {"unrendered_config": {"a": [1, 2]}}, {"unrendered_config": {"a": [2, 1]}})


@pytest.mark.parametrize("resource_type", IDS)
def test_new_ones(resource_type: str) -> None:
    """dbt calls some kinds of resources modified when they are new, and others not."""
    comparison = Comparison(read(make_entry(IDS[resource_type])), read())
    assert comparison.new == {IDS[resource_type]}
    assert not comparison.old
    quiet = resource_type in ("source", "exposure", "metric", "semantic_model", "saved_query")
    assert bool(comparison.modified()) is not quiet
    assert bool(comparison.unmodified) is quiet
    built = resource_type in ("model", "seed", "snapshot", "test", "analysis", "function")
    assert bool(comparison.modified("body")) is built
    assert bool(comparison.modified("relation")) is (built or resource_type == "source")
    assert bool(comparison.modified("configs")) is (resource_type != "unit_test")


def test_a_removed_node_is_nowhere() -> None:
    comparison = Comparison(
        read(make_entry("model.shop.a")), read(make_entry("model.shop.a"), make_entry(MODEL))
    )
    assert comparison.old == comparison.unmodified == {"model.shop.a"}
    assert not comparison.new | comparison.modified()


def calling(*macros: str) -> dict[str, Any]:
    return make_entry(MODEL, depends_on={"nodes": [], "macros": list(macros)})


def macro(text: str, *called: str) -> dict[str, Any]:
    return {"macro_sql": text, "depends_on": {"macros": list(called)}}


@pytest.mark.parametrize(
    ("now", "modified"),
    [
        ({"m.outer": macro("o", "m.inner"), "m.inner": macro("i"), "m.idle": macro("other")}, False),
        ({"m.outer": macro("o", "m.inner"), "m.inner": macro("other"), "m.idle": macro("x")}, True),
        ({"m.outer": macro("other", "m.inner"), "m.inner": macro("i"), "m.idle": macro("x")}, True),
        ({"m.outer": macro("o", "m.idle"), "m.idle": macro("x")}, False),
        ({"m.outer": macro("o", "m.new"), "m.new": macro("n")}, True),
        ({"m.outer": macro("o", "m.inner")}, True),
        ({"m.outer": macro("o", "m.outer", "m.inner"), "m.inner": macro("i")}, False),
    ],
)
def test_macros_count_as_far_as_they_are_reached(now: dict[str, Any], modified: bool) -> None:
    before = {"m.outer": macro("o", "m.inner"), "m.inner": macro("i"), "m.idle": macro("x")}
    comparison = Comparison(read(calling("m.outer"), macros=now), read(calling("m.outer"), macros=before))
    assert (comparison.modified() == {MODEL}) is modified
    assert comparison.modified("macros") == comparison.modified()
    assert not comparison.modified("body")


def test_a_macro_that_nobody_called_before_is_not_new() -> None:
    macros = {"m.spare": macro("s")}
    before, now = read(calling(), macros=macros), read(calling("m.spare"), macros=macros)
    assert not Comparison(now, before).modified("macros")


def test_macros_that_reuse_only_suspects_do_not_count() -> None:
    """Reuse takes a macro for called that dbt does not know to be: `state:` believes dbt."""
    before = read(calling("m.told"), macros={"m.told": macro("t"), "m.suspect": macro("old")})
    now = read(calling("m.told"), macros={"m.told": macro("t"), "m.suspect": macro("new")})
    node, told = now.nodes[MODEL], now.macros["m.told"]
    by_node = replace(
        node,
        code=replace(node.code, macros=("m.told", "m.suspect")),
        signature=replace(node.signature, macros=("m.told",)),
    )
    by_macro = replace(told, macros=("m.suspect",), called=())
    suspected = replace(now, nodes={MODEL: by_node}, macros={**now.macros, "m.told": by_macro})
    assert not Comparison(suspected, before).modified()


def test_a_source_is_compared_as_it_is_written_where_the_project_says_so() -> None:
    def source(schema: str, written: str) -> Index:
        return read(make_entry(IDS["source"], schema=schema, unrendered_schema=written))

    def is_modified(now: Index, before: Index, **fields: Any) -> bool:
        return bool(Comparison(replace(now, **fields), before).modified("relation"))

    before, moved, written = source("a", "{{ x }}"), source("b", "{{ x }}"), source("a", "a")
    assert is_modified(moved, before, compare_unrendered=False)
    assert not is_modified(moved, before, compare_unrendered=True)
    assert is_modified(written, before, compare_unrendered=True)
    assert not is_modified(written, before, compare_unrendered=False)
    # dbt's default changed with 1.12
    assert is_modified(moved, before, dbt_version="1.11.16")
    assert not is_modified(moved, before, dbt_version="1.12.0")
    assert is_modified(moved, before, dbt_version="unknown")


def test_refuses_the_manifest_of_another_project() -> None:
    with pytest.raises(InputError, match="cannot compare project 'shop' with a manifest of 'other'"):
        Comparison(make_index(), make_index(project_name="other"))
    assert not Comparison(make_index(), make_index(project_name="")).new


def test_refuses_an_aspect_that_dbt_does_not_have() -> None:
    with pytest.raises(InputError, match=r"state:modified\.sql is unknown; known: body, configs"):
        Comparison(read(), read()).modified("sql")


def test_refuses_an_index_that_signed_nothing() -> None:
    earlier = Index.decode((FIXTURES / "earlier" / "index.msgpack").read_bytes())
    now = read(make_entry(MODEL))
    with pytest.raises(
        InputError, match=r"the previous bundle was made by an earlier version .* publish again"
    ):
        Comparison(replace(now, project_name=earlier.project_name), earlier)
    with pytest.raises(InputError, match=r"this bundle .* publish again"):
        Comparison(earlier, replace(now, project_name=earlier.project_name))


def test_comparing_survives_being_carried() -> None:
    before, now = read(make_entry(MODEL)), read(make_entry(MODEL, raw_code="select 2"))
    comparison = Comparison(Index.decode(now.encode()), Index.decode(before.encode()))
    assert comparison.modified("body") == comparison.modified() == {MODEL}
