"""Fingerprints of manifests' entries: which edits change them, and what is said of the change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.domain.code import Code
from headgate.domain.fingerprint import fingerprints, what_changed
from headgate.domain.index import Index
from headgate.domain.manifest import read_manifest
from tests.builders import make_entry, make_manifest

MODEL, EPHEMERAL = "model.shop.orders", "model.shop.base"
SQL = "select {{ to_eur('amount') }} from {{ ref('base') }} where day > '{{ var(\"since\") }}'"
MACROS = {
    "macro.shop.to_eur": ("{% macro to_eur(c) %}{{ cents(c) }}{% endmacro %}", ["macro.shop.cents"]),
    "macro.shop.cents": ("{% macro cents(c) %}{{ c }} / 100{% endmacro %}", []),
    "macro.shop.now_eur": ("{% macro now_eur() %}current_timestamp{% endmacro %}", []),
    "macro.dbt.create_table_as": ("{% macro create_table_as() %}create{% endmacro %}", []),
}


def project(
    *, macros: dict[str, Any] | None = None, base: str = "select 1 as amount", **fields: Any
) -> Index:
    entry: dict[str, Any] = {
        "raw_code": SQL,
        "config": {"materialized": "table", "enabled": True},
        "database": "db", "schema": "analytics", "alias": "orders", "relation_name": '"db"."analytics"."orders"',
        "depends_on": {"macros": ["macro.shop.to_eur"], "nodes": [EPHEMERAL]},
    } | fields  # fmt: skip
    manifest = make_manifest(
        make_entry(MODEL, **entry),
        make_entry(EPHEMERAL, raw_code=base, config={"materialized": "ephemeral"}),
    )
    manifest["macros"] = {
        name: {
            "unique_id": name,
            "name": name.split(".")[2],
            "package_name": name.split(".")[1],
            "original_file_path": f"macros/{name.split('.')[2]}.sql",
            "macro_sql": text,
            "depends_on": {"macros": calls},
        }
        for name, (text, calls) in (MACROS | (macros or {})).items()
    }
    return read_manifest(json.dumps(manifest).encode())


def change(after: Index, before: Index | None = None) -> str:
    old, new = (fingerprints(index, [MODEL])[MODEL] for index in (before or project(), after))
    return what_changed(old, new, after, MODEL)


def code(**fields: Any) -> Code:
    return project(**fields).nodes[MODEL].code


TABLE = {"materialized": "table", "enabled": True}


@pytest.mark.parametrize(
    "fields",
    [
        {"raw_code": f"-- what we owe\n  {SQL}\n"},
        {"description": "orders"},
        {"tags": ["finance"]},
        {
            "config": TABLE
            | {"tags": ["finance"], "meta": {"owner": "me"}, "group": "g", "docs": {"show": False}}
        },
        {"config": TABLE | {"freshness": {"build_after": {"count": 1, "period": "day"}}}},
        {"columns": {"amount": {"name": "amount", "description": "cents"}}},
    ],
)
def test_what_changes_no_relation_is_no_new_code(fields: dict[str, Any]) -> None:
    assert change(project(**fields)) == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"config": TABLE | {"meta": {"policy": "email"}}},
        {"columns": {"mail": {"name": "mail", "meta": {"policy": "email"}}}},
        {"tags": ["pii"]},
        {"description": "orders"},
    ],
)
def test_properties_that_a_macro_reads_are_code(changed: dict[str, Any]) -> None:
    mask = "{% macro mask(node) %}{% for one in node.columns %}alter {{ one }}{% endfor %}{% endmacro %}"
    macros = {"macro.shop.mask": (mask, [])}
    hook = {"post-hook": [{"sql": "{{ mask(this) }}"}]}
    before = project(macros=macros, config=TABLE | hook)
    after = project(macros=macros, **(changed | {"config": changed.get("config", TABLE) | hook}))
    assert change(after, before).startswith("its properties (meta, tags, description or columns) changed")
    # Those of a node that reaches no such macro are not.
    assert change(project(macros=macros, **changed), project(macros=macros)) == ""


def test_properties_that_code_reads_itself_are_code() -> None:
    sql = SQL + " and '{{ config.get('meta').owner }}' = 'me'"
    changed = {"config": TABLE | {"meta": {"owner": "me"}}}
    assert change(project(raw_code=sql, **changed), project(raw_code=sql)) == "its code changed"


@pytest.mark.parametrize(
    ("fields", "fact"),
    [
        ({"raw_code": SQL + " and true"}, "its code changed"),
        ({"config": TABLE | {"materialized": "incremental"}},
         "config materialized changed from table to incremental"),
        ({"config": TABLE | {"unique_key": "id"}}, "config unique_key changed from nothing to id"),
        ({"config": TABLE | {"post-hook": [{"sql": "analyze {{ this }}"}]}}, "config post-hook changed"),
        ({"config": TABLE | {"grants": {"select": ["reader"]}}},
         'config grants changed from nothing to {"select": ["reader"]}'),
        ({"config": TABLE | {"some_key_of_a_package": True}},
         "config some_key_of_a_package changed from nothing to true"),
        ({"schema": "dev"}, "its relation, or one that it reads, has another name now"),
        ({"base": "select 2 as amount"}, "the ephemeral model base changed"),
        ({"macros": {"macro.shop.cents": ("{% macro cents(c) %}{{ c }} / 1000{% endmacro %}", [])}},
         "macro cents changed (macros/cents.sql), through to_eur"),
    ],
)  # fmt: skip
def test_what_changes_the_relation_is_new_code_and_is_named(fields: dict[str, Any], fact: str) -> None:
    assert change(project(**fields)) == fact


def test_a_comment_in_a_hook_is_no_new_code() -> None:
    before = project(config=TABLE | {"post-hook": [{"sql": "analyze {{ this }}"}]})
    after = project(config=TABLE | {"post-hook": [{"sql": "analyze  {{ this }} -- soon"}]})
    assert change(after, before) == ""


def test_a_macro_behind_execute_counts_although_dbt_does_not_tell() -> None:
    text = "{% if execute %}{{ cents('a') }}{% endif %} select 1"
    told = {"macros": [], "nodes": []}
    assert code(raw_code=text, depends_on=told).macros == ("macro.shop.cents",)


def test_a_macro_of_the_project_that_stands_in_for_one_of_dbt_counts_for_every_node() -> None:
    own = {"macro.shop.create_table_as": ("{% macro create_table_as() %}create unlogged{% endmacro %}", [])}
    assert change(project(macros=own)).startswith("macro create_table_as is used now")


def test_variables_are_known_by_name() -> None:
    assert code().vars == ("since",)
    assert code(raw_code="{{ var(name) }} {{ var('a', 1) }}").vars == ("*", "a")
    assert code(raw_code="{{ target.name }}").vars == ("target.",)


def test_windows_and_tolerances() -> None:
    config = TABLE | {
        "freshness": {"build_after": {"count": 4, "period": "hour", "updates_on": "all"}},
        "state": {"lag_tolerance": "2 weeks"},
        "meta": {"headgate": {"volatile": "ignore"}},
    }
    found = code(config=config)
    assert (found.build_after, found.updates_on, found.lag, found.steady) == (14_400, "all", 1_209_600, True)
    asked = code(config=TABLE | {"state": {"require_fresh_data_from": "all", "lag_tolerance": "{{ x }}"}})
    assert (asked.build_after, asked.updates_on, asked.lag, asked.steady) == (None, "all", None, None)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"raw_code": "select current_date"}, "current_date"),
        ({"language": "python"}, "Python model"),
        ({"config": TABLE | {"post-hook": [{"sql": "update {{ this }} set at = now()"}]}}, "now"),
        ({"raw_code": "{{ env_var('REGION') }}"}, "env_var REGION"),
    ],
)
def test_volatile_models(fields: dict[str, Any], why: str) -> None:
    assert code(**fields).volatile == why


def test_a_view_of_a_star_is_told_from_others() -> None:
    view = {"materialized": "view"}
    assert code(config=view, raw_code="select * from {{ ref('base') }}").star
    assert code(config=view, raw_code="select a, b.* from {{ ref('base') }} b").star
    assert not code(config=view, raw_code="select count(*), 2 * a from {{ ref('base') }}").star
    assert not code(raw_code="select * from {{ ref('base') }}").star


def seed(checksum: dict[str, str]) -> Code:
    entry = make_entry("seed.shop.regions", checksum=checksum, raw_code="", config={"materialized": "seed"})
    return read_manifest(json.dumps(make_manifest(entry)).encode()).nodes["seed.shop.regions"].code


def test_a_seed_is_its_file_and_a_large_one_is_unknown() -> None:
    assert seed({"name": "sha256", "checksum": "ab"}).text == "ab"
    assert "checksum" in seed({"name": "path", "checksum": "seeds/regions.csv"}).hidden


def generic(kwargs: dict[str, Any], **config: Any) -> Code:
    entry = make_entry(
        "test.shop.t.1", raw_code="{{ test_t(**_dbt_generic_test_kwargs) }}", config=config,
        test_metadata={"name": "t", "namespace": None, "kwargs": {"model": "{{ ref('base') }}"} | kwargs},
    )  # fmt: skip
    return read_manifest(json.dumps(make_manifest(entry)).encode()).nodes["test.shop.t.1"].code


def test_a_test_is_its_arguments_and_its_config() -> None:
    plain = generic({"column_name": "a"})
    assert plain.text != generic({"column_name": "b"}).text
    assert plain.config != generic({"column_name": "a"}, severity="WARN").config
    assert plain.config == generic({"column_name": "a"}, tags=["x"]).config
    assert generic({"expression": "a > now()"}).volatile == "now"
    assert generic({"column_name": "a"}, where="day > current_date").volatile == "current_date"
    assert not generic({"values": ["now", "current_date"]}).volatile
