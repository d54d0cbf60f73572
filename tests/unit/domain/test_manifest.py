"""Reading a manifest, and carrying its index."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from headgate.domain.index import Index, Node
from headgate.domain.manifest import read_manifest
from headgate.errors import ManifestError
from tests.builders import make_entry, make_index, make_manifest, make_node


def read(*entries: dict[str, Any], **sections: Any) -> Index:
    return read_manifest(json.dumps(make_manifest(*entries, **sections)).encode())


def only(entry: dict[str, Any], **sections: Any) -> Node:
    return read(entry, **sections).nodes[entry["unique_id"]]


@pytest.mark.parametrize("schema", ["v10", "v11", "v12"])
def test_reads_every_supported_schema(schema: str) -> None:
    index = read(make_entry("model.shop.orders"), schema=schema)
    assert list(index.nodes) == ["model.shop.orders"]
    assert index.schema_version.endswith(f"/{schema}.json")
    assert (index.dbt_version, index.project_name, index.adapter_type) == ("1.11.16", "shop", "postgres")


@pytest.mark.parametrize("schema", ["v9", "v13", "v1"])
def test_refuses_other_schemas_by_name_and_place(schema: str) -> None:
    body = json.dumps(make_manifest(make_entry("model.shop.orders"), schema=schema)).encode()
    with pytest.raises(ManifestError) as refused:
        read_manifest(body, "target/manifest.json")
    text = str(refused.value)
    assert f"schema {schema} " in text
    assert text.startswith("target/manifest.json")
    assert "v10, v11, v12" in text


def test_another_schema_is_refused_before_its_shape_matters() -> None:
    manifest = make_manifest(schema="v20") | {"nodes": ["not", "a", "mapping"]}
    with pytest.raises(ManifestError, match="schema v20"):
        read_manifest(json.dumps(manifest).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"metadata": {}}',
        b"not json",
        b'{"nodes":' + b"[" * 100_000,
        b'{"metadata": {"dbt_schema_version": 12}, "nodes": {}}',
        b'{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}}',
        json.dumps(make_manifest() | {"nodes": {"model.shop.a": {"name": "a"}}}).encode(),
        json.dumps(make_manifest(make_entry("model.shop.a", fqn="a"))).encode(),
        json.dumps(make_manifest(make_entry("model.shop.a"))).encode()[:-5],
        b"\xff\xfe" + json.dumps(make_manifest()).encode(),
    ],
)
def test_refuses_what_is_no_manifest(body: bytes) -> None:
    with pytest.raises(ManifestError, match=r"here\.json"):
        read_manifest(body, "here.json")


def test_reads_every_section() -> None:
    ids = {
        "sources": "source.shop.raw.orders",
        "exposures": "exposure.shop.report",
        "metrics": "metric.shop.count",
        "semantic_models": "semantic_model.shop.facts",
        "saved_queries": "saved_query.shop.by_day",
        "unit_tests": "unit_test.shop.orders.adds_up",
        "functions": "function.shop.double_it",
    }
    sections = {name: [make_entry(unique_id)] for name, unique_id in ids.items()}
    index = read(make_entry("model.shop.orders"), **sections)
    assert list(index.nodes) == ["model.shop.orders", *ids.values()]
    assert [node.unique_id for node in index.nodes.values() if node.is_parsed] == ["model.shop.orders"]


def test_keeps_what_planning_and_alerts_need() -> None:
    entry = make_entry(
        "model.shop.orders",
        "seed.shop.raw",
        patch_path="shop://models/schema.yml",
        tags=["finance"],
        access="public",
        schema="analytics",
        database="warehouse",
        alias="orders_alias",
        relation_name='"warehouse"."analytics"."orders_alias"',
        version=2,
        latest_version=3,
        config={"materialized": "incremental", "group": "finance"},
    )
    node = read(entry, make_entry("seed.shop.raw")).nodes["model.shop.orders"]
    assert node.depends_on == ("seed.shop.raw",)
    assert node.patch_path == "models/schema.yml"
    assert (node.tags, node.group, node.access) == (("finance",), "finance", "public")
    assert (node.schema, node.database, node.alias) == ("analytics", "warehouse", "orders_alias")
    assert node.relation_name == '"warehouse"."analytics"."orders_alias"'
    assert (node.version, node.latest_version, node.is_versioned) == (2, 3, True)
    assert (node.materialized, node.checksum) == ("incremental", "0" * 64)
    assert (node.enabled, node.empty) == (True, False)


@pytest.mark.parametrize(
    ("raw_code", "empty"),
    [
        ("", True),
        (" \n\t\r\n" * 50, True),
        ("select 1", False),
        ("-- x", False),
        ("{{ x }}", False),
        (None, True),
    ],
)
def test_a_node_without_sql_is_empty(raw_code: str | None, empty: bool) -> None:
    assert only(make_entry("model.shop.orders", raw_code=raw_code)).empty is empty


def test_a_seed_is_never_empty_and_has_no_parents() -> None:
    entry = make_entry("seed.shop.raw", "model.shop.gone", raw_code="")
    assert only(entry).empty is False
    assert only(entry).depends_on == ()


@pytest.mark.parametrize(("severity", "expected"), [("WARN", "warn"), ("error", "error"), (None, "error")])
def test_severity_is_lower_case_and_for_tests_only(severity: str | None, expected: str) -> None:
    config = {"severity": severity}
    assert only(make_entry("test.shop.t", config=config)).severity == expected
    assert only(make_entry("model.shop.m", config=config)).severity is None


def test_a_disabled_node_is_marked() -> None:
    assert only(make_entry("model.shop.m", config={"enabled": False})).enabled is False


def test_config_keeps_what_a_selector_can_equal() -> None:
    config = {
        "materialized": "table",
        "tags": ["a", 1, None, True],
        "lookback": 1,
        "unique_key": None,
        "pre-hook": [{"sql": "x" * 2000}],
        "meta": {"tier": "gold", "notes": "x" * 2000, "sla": {"hours": 4, "strict": True}},
        "grants": {},
    }
    assert only(make_entry("model.shop.m", config=config)).config == {
        "materialized": "table",
        "tags": ["a", 1, True],
        "lookback": 1,
        "meta": {"tier": "gold", "sla": {"hours": 4, "strict": True}},
    }


FINANCE = {"finance": {"name": "finance", "owner": {"name": "Finance", "email": "finance@example.com"}}}


@pytest.mark.parametrize(
    ("fields", "owner"),
    [
        ({}, ""),
        ({"config": {"group": "finance"}}, "finance@example.com"),
        ({"config": {"group": "finance", "meta": {"owner": "ada@example.com"}}}, "ada@example.com"),
        ({"config": {"group": "gone"}}, ""),
        ({"meta": {"owner": ["ada@example.com", "Data team"]}}, "ada@example.com, Data team"),
        ({"meta": {"owner": {"name": "Ada"}}}, "Ada"),
        (
            {"owner": {"name": "Ada", "email": ["ada@example.com", "b@example.com"]}},
            "ada@example.com, b@example.com",
        ),
        ({"owner": {"name": "Ada", "email": None}, "config": {"meta": None}}, "Ada"),
        ({"source_meta": {"owner": "ingestion@example.com"}}, "ingestion@example.com"),
        ({"config": {"meta": {"owner": 7}}}, "7"),
        ({"config": {"meta": "no mapping", "group": "finance"}}, "finance@example.com"),
    ],
)
def test_owner(fields: dict[str, Any], owner: str) -> None:
    assert only(make_entry("model.shop.m", **fields), groups=FINANCE).owner == owner


def test_a_test_belongs_to_the_owner_of_what_it_tests() -> None:
    def owned(name: str, owner: str) -> dict[str, Any]:
        return make_entry(f"model.shop.{name}", config={"meta": {"owner": owner}})

    index = read(
        owned("a", "a@example.com"),
        owned("b", "b@example.com"),
        make_entry("test.shop.attached", "model.shop.a", "model.shop.b", attached_node="model.shop.b"),
        make_entry("test.shop.singular", "model.shop.a"),
        make_entry("test.shop.own", "model.shop.a", config={"meta": {"owner": "own@example.com"}}),
        make_entry("model.shop.child", "model.shop.a"),
        unit_tests=[make_entry("unit_test.shop.b.u", "model.shop.b")],
    )
    owners = {node.name: node.owner for node in index.nodes.values()}
    assert owners["attached"] == "b@example.com"
    assert owners["singular"] == "a@example.com"
    assert owners["own"] == "own@example.com"
    assert owners["b.u"] == "b@example.com"
    assert owners["child"] == ""
    assert index.nodes["unit_test.shop.b.u"].tested == "model.shop.b"


def test_a_unit_test_has_its_tags_in_its_config() -> None:
    entry = make_entry("unit_test.shop.b.u", config={"tags": "fast"}, tags=["not these"])
    assert read(unit_tests=[entry]).nodes["unit_test.shop.b.u"].tags == ("fast",)


@pytest.mark.parametrize(
    ("fields", "connectors"),
    [
        ({}, ()),
        ({"meta": {"fivetran_connector": "shop_pg"}}, ("shop_pg",)),
        ({"config": {"meta": {"airbyte_connection": "0a-1b"}}}, ("0a-1b",)),
        ({"config": {"meta": {"headgate": {"connector": "one"}}}}, ("one",)),
        ({"source_meta": {"headgate": {"connectors": ["one", "two"]}}}, ("one", "two")),
        (
            {
                "config": {"meta": {"fivetran_connector": ["one", "two"]}},
                "source_meta": {"fivetran_connector": "one"},
            },
            ("one", "two"),
        ),
        ({"meta": {"headgate": {"timeout": "1m"}, "fivetran_connector": None}}, ()),
    ],
)
def test_a_source_names_its_connectors(fields: dict[str, Any], connectors: tuple[str, ...]) -> None:
    index = read(
        make_entry("model.shop.m", **fields), sources=[make_entry("source.shop.raw.orders", **fields)]
    )
    assert index.nodes["source.shop.raw.orders"].connectors == connectors
    assert index.nodes["model.shop.m"].connectors == ()


def test_keeps_every_macro_and_who_calls_it() -> None:
    macros = {
        f"macro.shop.{name}": {
            "unique_id": f"macro.shop.{name}",
            "macro_sql": f"the text of {name}",
            "original_file_path": "macros/all.sql",
            "depends_on": {"macros": called},
        }
        for name, called in {"outer": ["macro.shop.inner"], "inner": [], "idle": [None]}.items()
    } | {"macro.shop.bare": {"unique_id": "macro.shop.bare", "depends_on": None}}
    called = {"nodes": [], "macros": ["macro.shop.outer", None]}
    index = read(make_entry("model.shop.m", depends_on=called), macros=macros)
    assert list(index.macros) == list(macros)
    assert index.nodes["model.shop.m"].code.macros == ("macro.shop.outer",)
    assert index.macros["macro.shop.outer"].macros == ("macro.shop.inner",)
    assert index.macros["macro.shop.idle"].macros == ()
    assert index.macros["macro.shop.outer"].path == "macros/all.sql"
    assert len({macro.checksum for macro in index.macros.values()}) == len(macros)
    assert Index.decode(index.encode()) == index


@pytest.mark.parametrize(
    "missing", ["depends_on", "description", "meta", "tags", "contract", "test_metadata"]
)
def test_what_a_manifest_leaves_open_is_nothing(missing: str) -> None:
    entry = make_entry("model.shop.m")
    assert only(entry | {missing: None}) == only({key: entry[key] for key in entry if key != missing})


def test_keeps_the_selectors_as_they_are() -> None:
    selectors = {
        "nightly": {"name": "nightly", "definition": {"union": [{"method": "tag", "value": "x"}, "y"]}}
    }
    assert Index.decode(read(selectors=selectors).encode()).selectors == selectors


def test_names_the_default_selector() -> None:
    selectors = {"one": {"default": False}, "two": {"name": "two", "default": True, "definition": {}}}
    assert read(selectors=selectors).default_selector == "two"
    assert read(selectors={"one": {"definition": "tag:x"}, "odd": "tag:x"}).default_selector is None


def test_refuses_a_dangling_dependency_with_both_ids() -> None:
    with pytest.raises(ManifestError, match=r"model\.shop\.a -> model\.shop\.gone"):
        read(make_entry("model.shop.a", "model.shop.gone"))


def test_names_five_dangling_dependencies_and_counts_the_rest() -> None:
    with pytest.raises(ManifestError, match=r"model\.shop\.m4 -> .* and 2 more") as refused:
        read(*(make_entry(f"model.shop.m{i}", "model.shop.gone") for i in range(7)))
    assert "model.shop.m5" not in str(refused.value)


def test_refuses_an_id_of_two_sections() -> None:
    with pytest.raises(ManifestError, match=r"more than one node is called model\.shop\.a"):
        read(make_entry("model.shop.a"), exposures=[make_entry("model.shop.a")])


def test_refuses_an_entry_under_another_id() -> None:
    manifest = make_manifest() | {"nodes": {"model.shop.b": make_entry("model.shop.a")}}
    with pytest.raises(ManifestError, match=r"'model\.shop\.b' says that it is 'model\.shop\.a'"):
        read_manifest(json.dumps(manifest).encode())


def test_prints_a_cycle_in_the_direction_of_the_data() -> None:
    entries = [
        make_entry("model.shop.a", "model.shop.c"),
        make_entry("model.shop.b", "model.shop.a"),
        make_entry("model.shop.c", "model.shop.b"),
        make_entry("model.shop.d", "model.shop.c"),
    ]
    with pytest.raises(ManifestError) as refused:
        read(*entries)
    turns = [["a", "b", "c", "a"], ["b", "c", "a", "b"], ["c", "a", "b", "c"]]
    printed = [" -> ".join(f"model.shop.{name}" for name in turn) for turn in turns]
    assert any(str(refused.value).endswith(path) for path in printed), refused.value


def test_a_node_that_depends_on_itself_is_a_cycle() -> None:
    with pytest.raises(ManifestError, match=r"model\.shop\.a -> model\.shop\.a"):
        read(make_entry("model.shop.a", "model.shop.a"))


def test_the_index_survives_its_encoding() -> None:
    index = make_index(
        make_node("source.shop.raw.orders"),
        make_node("model.shop.orders", "source.shop.raw.orders", version=1.5, config={"meta": {"x": ["y"]}}),
        make_node("test.shop.t", "model.shop.orders", severity="warn", test_name="unique"),
        groups={"finance": "finance@example.com"},
        default_selector="mine",
    )
    assert Index.decode(index.encode()) == index


def test_refuses_an_index_of_another_format() -> None:
    for body in (
        msgspec.msgpack.encode({"format": 0, "index": None}),
        msgspec.msgpack.encode({"format": 99, "index": {"nodes": 5}}),
    ):
        with pytest.raises(ManifestError, match=r"format (0|99), this version reads 1: publish again"):
            Index.decode(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"{}",
        make_index().encode()[:-3],
        gzip.compress(make_index().encode()),
        b"\xdd\xff\xff\xff\xff",  # a list of four thousand million entries
        make_index().encode().replace(b"postgres", b"postgras"),
        make_index(make_node("model.shop.a")).encode().replace(b"model.shop.a", b"model.shop.b"),
        msgspec.msgpack.encode({"format": 1, "index": {"nodes": 5}}),
    ],
)
def test_refuses_a_broken_index(body: bytes) -> None:
    with pytest.raises(ManifestError, match="publish again"):
        Index.decode(body)


def test_a_damaged_index_says_so() -> None:
    body = make_index(make_node("model.shop.a")).encode()
    with pytest.raises(ManifestError, match="damaged: its digest is another one"):
        Index.decode(body.replace(b"model.shop.a", b"model.shop.b"))


@pytest.mark.parametrize("place", ["config", "beside"])
def test_time_limit_and_pool_of_a_node(place: str) -> None:
    meta = {"headgate": {"timeout": "20m", "pool": "wh_large"}, "owner": "ada@example.com"}
    fields = {"config": {"meta": meta}} if place == "config" else {"meta": meta}
    node = read(make_entry("model.shop.a", **fields)).nodes["model.shop.a"]
    assert (node.timeout, node.pools) == (1200.0, ("wh_large",))


def test_a_wrong_time_limit_names_the_node() -> None:
    entry = make_entry("model.shop.a", config={"meta": {"headgate": {"timeout": "soon"}}})
    with pytest.raises(
        ManifestError, match=r"model\.shop\.a: meta\.headgate\.timeout must be a length of time"
    ):
        read(entry)


def test_who_only_reads_an_index_or_checks_a_text_loads_no_graph_library() -> None:
    script = (
        "import sys; import headgate.domain.manifest, headgate.domain.selection, headgate.ports\n"
        "headgate.domain.selection.check('tag:finance+')\n"
        "sys.exit('networkx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
