"""Reading, checking and resolving selections; tests/integration/test_plan_equals_dbt.py holds them against dbt."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.domain.index import Index
from headgate.domain.selection import Criterion, Group, check, parse
from headgate.domain.selection.resolve import Resolver
from headgate.errors import SelectionError
from tests.builders import make_index, make_node


def criteria(text: str) -> list[list[Criterion]]:
    return [
        [one for one in part.parts if isinstance(one, Criterion)]
        for part in parse([text]).parts
        if isinstance(part, Group)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orders", Criterion("orders", "fqn", "orders")),
        ("+orders", Criterion("+orders", "fqn", "orders", parents=-1)),
        ("orders+", Criterion("orders+", "fqn", "orders", children=-1)),
        ("2+orders+13", Criterion("2+orders+13", "fqn", "orders", parents=2, children=13)),
        ("0+orders", Criterion("0+orders", "fqn", "orders", parents=0)),
        ("@orders", Criterion("@orders", "fqn", "orders", childrens_parents=True)),
        ("@1+orders", Criterion("@1+orders", "fqn", "orders", parents=1, childrens_parents=True)),
        ("+tag:finance+", Criterion("+tag:finance+", "tag", "finance", parents=-1, children=-1)),
        (
            "config.meta.owner:a:b",
            Criterion("config.meta.owner:a:b", "config", "a:b", arguments=("meta", "owner")),
        ),
        ("a+b", Criterion("a+b", "fqn", "a+b")),
        ("models/marts", Criterion("models/marts", "path", "models/marts")),
        ("+models/marts/a.sql", Criterion("+models/marts/a.sql", "path", "models/marts/a.sql", parents=-1)),
        ("orders.SQL", Criterion("orders.SQL", "file", "orders.SQL")),
        ("seed.csv+", Criterion("seed.csv+", "file", "seed.csv", children=-1)),
    ],
)
def test_one_criterion(text: str, expected: Criterion) -> None:
    assert criteria(text) == [[expected]]


def test_spaces_unite_and_commas_intersect() -> None:
    found = parse(["a b,tag:c", "  d  "])
    assert [part.text for part in found.parts] == ["a", "b,tag:c", "d"]
    assert [[one.value for one in part] for part in criteria("a b,tag:c   d  ")] == [["a"], ["b", "c"], ["d"]]


def test_no_text_selects_nothing() -> None:
    assert parse([]).parts == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a selection is empty"),
        ("   ", "a selection is empty"),
        ("+", "'+': an operator needs something to work on"),
        ("@", "'@': an operator needs"),
        ("2+", "'2+': an operator needs"),
        ("++", "'++': an operator needs"),
        ("@+", "'@+': an operator needs"),
        ("@x+", "'@' in front and '+' behind exclude each other"),
        ("@x+2", "exclude each other"),
        ("x++", "operators are one"),
        ("++x", "operators are one"),
        ("@@x", "operators are one"),
        ("x@", "operators are one"),
        ("+@x", "operators are one"),
        ("a,", "'a,': nothing stands beside a comma"),
        (",a", "nothing stands beside a comma"),
        ("a,,b", "nothing stands beside a comma"),
        (",", "nothing stands beside a comma"),
        ("tag:", "the method 'tag' needs a value"),
        ("+tag:+", "the method 'tag' needs a value"),
        ("tga:finance", "'tga' is not a selection method; did you mean tag?"),
        ("a tga:finance+,b", "'tga:finance+': 'tga' is not a selection method"),
        ("resource-type:model", "did you mean resource_type"),
        ("xyzzy:model", "there are fqn, tag, path"),
        ("Tag:finance", "did you mean tag"),
        ("state:modified+", "compares with an earlier run"),
        ("result:error", "compares with an earlier run"),
        ("source_status:fresher", "compares with an earlier run"),
        ("resource_type:modle", "'modle' is no resource type; did you mean model"),
        ("test_type:foo", "is not one of generic, singular, data, unit"),
        ("version:newest", "is not one of latest, prerelease, old, none"),
        ("source:a.b.c.d", "write source, source.table or package.source.table"),
        ("exposure:a.b.c", "write name or package.name"),
        ("config:table", "write config.<key>:value"),
        ("/models/a.sql", "a path is relative to the dbt project"),
        ("path:../other", "stays inside it"),
        ("models/**.sql", "'**' stands for whole folders only"),
    ],
)
def test_refuses(text: str, words: str) -> None:
    with pytest.raises(SelectionError) as refused:
        check(text)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "text", ["a", "tag:finance+", "@a,tag:x 2+b+3", "models/**/x.sql", "config.severity:warn"]
)
def test_check_accepts(text: str) -> None:
    check(text)


@settings(deadline=None)
@given(st.text(max_size=20) | st.text(alphabet="@+,: .*?[]!/_-13atgpathconfig", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(SelectionError):
        check(text)
        Resolver(INDEX).resolve([text])


INDEX = make_index(
    make_node("source.shop.raw.orders", tags=("raw",)),
    make_node("seed.shop.countries"),
    make_node(
        "model.shop.stg_orders",
        "source.shop.raw.orders",
        fqn=("shop", "staging", "stg_orders"),
        original_file_path="models/staging/stg_orders.sql",
        patch_path="models/staging/staging.yml",
        tags=("finance", "daily"),
        access="private",
        config={
            "group": "finance",
            "materialized": "view",
            "contract": {"enforced": True},
            "tags": ["finance", "daily"],
        },
    ),
    make_node(
        "model.shop.fct_orders",
        "model.shop.stg_orders",
        "seed.shop.countries",
        fqn=("shop", "marts", "fct_orders"),
        original_file_path="models/marts/fct_orders.sql",
        tags=("finance",),
        access="public",
        config={"materialized": "table", "enabled": True},
    ),
    make_node(
        "model.shop.dim.v1", fqn=("shop", "marts", "dim", "v1"), name="dim", version=1, latest_version=2
    ),
    make_node(
        "model.shop.dim.v2", fqn=("shop", "marts", "dim", "v2"), name="dim", version=2, latest_version=2
    ),
    make_node("model.tools.calendar", original_file_path="models/calendar.sql"),
    make_node("model.shop.off", "model.shop.stg_orders", enabled=False),
    make_node(
        "test.shop.not_null",
        "model.shop.stg_orders",
        test_name="not_null",
        config={"severity": "WARN"},
    ),
    make_node(
        "test.shop.related",
        "model.shop.fct_orders",
        "seed.shop.countries",
        test_name="relationships",
        group="finance",
    ),
    make_node("test.shop.singular", "model.shop.fct_orders"),
    make_node("unit_test.shop.fct_orders.adds_up", "model.shop.fct_orders"),
    make_node(
        "exposure.shop.report", "model.shop.fct_orders", config={"group": "finance"}
    ),  # not for `group:`
    make_node("metric.shop.count", "model.shop.fct_orders", config={"group": "finance"}),
)
UNIT_TEST = "unit_test.shop.fct_orders.adds_up"
FCT_TESTS = {"test.shop.related", "test.shop.singular", UNIT_TEST}
FCT = {"model.shop.fct_orders", *FCT_TESTS}
STG = {"model.shop.stg_orders", "test.shop.not_null"}
SEED = {"seed.shop.countries", "test.shop.related"}
DIMS = {"model.shop.dim.v1", "model.shop.dim.v2"}
SOURCE = {"source.shop.raw.orders"}
AFTER_FCT = {"exposure.shop.report", "metric.shop.count"}
EVERYTHING = set(INDEX.nodes) - {"model.shop.off"}


def resolve(select: str = "", exclude: str = "", index: Index = INDEX) -> set[str]:
    return set(Resolver(index).resolve([select] if select else [], [exclude] if exclude else []).nodes)


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("", EVERYTHING),
        ("*", EVERYTHING - SOURCE),
        ("fct_orders", FCT),
        ("fct_*", FCT),
        ("marts.fct_orders", FCT),
        ("shop.marts", FCT | DIMS),
        ("shop.marts.*", FCT | DIMS),
        ("dim", DIMS),
        ("dim.v1", {"model.shop.dim.v1"}),
        ("dim_v2", {"model.shop.dim.v2"}),
        ("tools", {"model.tools.calendar"}),
        ("off", set()),
        ("orders", set()),
        ("tag:fin*", FCT | STG),
        ("tag:finance,tag:daily", STG),
        ("models/staging", STG),
        ("models/staging/", STG),
        ("models/staging/stg_orders.sql/", set()),
        ("models/*/fct_*.sql", FCT),
        ("models/**/fct_orders.sql", FCT),
        ("models/staging/**", STG),
        ("path:models/staging/staging.yml", STG),
        ("models/calendar.sql", set()),  # a file of another package is not below the project
        ("stg_orders.sql", STG),
        ("file:stg_orders", STG),
        ("package:tools", {"model.tools.calendar"}),
        ("package:this", EVERYTHING - {"model.tools.calendar"}),
        ("source:raw", SOURCE),
        ("source:raw.orders", SOURCE),
        ("source:shop.raw.*", SOURCE),
        ("source:tools.raw.*", set()),
        ("exposure:report", {"exposure.shop.report"}),
        ("metric:shop.*", {"metric.shop.count"}),
        ("unit_test:adds_up", {UNIT_TEST}),
        ("group:fin*", STG | {"metric.shop.count"}),
        # not from a test that has its model's group: no way leads from the metric or the staging model to the seed
        ("1+group:fin*", STG | SOURCE | {"metric.shop.count"} | FCT),
        ("access:private", STG),
        ("resource_type:seed", SEED),
        ("config.materialized:view", STG),
        ("config.contract.enforced:TRUE", STG),
        ("config.materialized:VIEW", set()),
        ("config.enabled:true", FCT),
        ("config.tags:daily", STG),
        ("config.severity:warn", {"test.shop.not_null"}),
        ("test_name:rel*", {"test.shop.related"}),
        ("test_name:adds_up", {UNIT_TEST}),
        ("test_type:generic", {"test.shop.related", "test.shop.not_null"}),
        ("test_type:singular", {"test.shop.singular"}),
        ("test_type:data", {"test.shop.related", "test.shop.not_null", "test.shop.singular"}),
        ("version:old", {"model.shop.dim.v1"}),
        ("version:latest", {"model.shop.dim.v2"}),
        ("+stg_orders", STG | SOURCE),
        ("stg_orders+1", STG | FCT),
        ("stg_orders+", STG | FCT | AFTER_FCT),
        ("1+exposure:report", FCT | {"exposure.shop.report"}),
        ("@stg_orders", STG | FCT | AFTER_FCT | SEED | SOURCE),
        ("fct_orders countries", FCT | SEED),
        ("+fct_orders,tag:finance", STG | FCT),
    ],
)
def test_selects(select: str, expected: set[str]) -> None:
    assert resolve(select) == expected


@pytest.mark.parametrize(
    ("select", "exclude", "expected"),
    [
        ("", "fct_orders+", EVERYTHING - FCT - AFTER_FCT),
        ("tag:finance", "fct_orders", STG),
        ("tag:finance", "test_type:data", {"model.shop.stg_orders", "model.shop.fct_orders", UNIT_TEST}),
        # an excluded node takes its tests with it, also those which it shares
        ("fct_orders", "countries", FCT - {"test.shop.related"}),
        ("fct_orders", "nothing", FCT),
        ("nothing", "fct_orders", set()),
    ],
)  # fmt: skip
def test_excludes(select: str, exclude: str, expected: set[str]) -> None:
    assert resolve(select, exclude) == expected


def test_says_which_parts_matched_nothing() -> None:
    found = Resolver(INDEX).resolve(["fct_orders nothing", "tag:x,fct_orders"], ["gone"])
    assert found.unmatched == ("nothing", "tag:x,fct_orders", "gone")


BETWEEN = make_index(
    make_node("source.shop.raw.orders"),
    make_node("model.shop.up"),
    make_node("model.shop.a", "model.shop.up"),
    make_node("model.shop.b"),
    make_node("test.shop.a_and_source", "model.shop.a", "source.shop.raw.orders"),
    make_node("test.shop.a_and_up", "model.shop.a", "model.shop.up"),
    make_node("test.shop.a_and_b", "model.shop.a", "model.shop.b"),
    make_node("unit_test.shop.a.adds_up", "model.shop.a", fqn=("shop", "adds_up")),
)


@pytest.mark.parametrize(
    ("select", "indirect", "expected"),
    [
        ("a", "eager", {"a_and_source", "a_and_up", "a_and_b", "adds_up"}),
        ("a", "buildable", {"a_and_source", "a_and_up", "adds_up"}),
        ("a", "cautious", {"adds_up"}),
        ("a", "empty", set()),
        # the tests that lacked a parent are looked at again when everything is united
        ("a b", "cautious", {"a_and_b", "adds_up"}),
        ("a b", "buildable", {"a_and_source", "a_and_up", "a_and_b", "adds_up"}),
        ("a source:raw", "cautious", {"a_and_source", "adds_up"}),
        ("a b", "empty", set()),
        ("a,resource_type:model b", "cautious", {"a_and_b", "adds_up"}),
    ],
)
def test_the_modes_of_selecting_tests(select: str, indirect: str, expected: set[str]) -> None:
    nodes = Resolver(BETWEEN).resolve([select], indirect=indirect).nodes
    assert {node.rpartition(".")[2] for node in nodes if "test." in node} == expected
