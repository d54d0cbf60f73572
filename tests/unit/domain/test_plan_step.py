"""Planning: what is queued, in which order, how long it will take, how many runners."""

from __future__ import annotations

from collections.abc import Mapping
from time import process_time
from typing import Any

import pytest
from msgspec.structs import replace

from headgate.domain.command import Command
from headgate.domain.error_class import ErrorClass
from headgate.domain.index import Index
from headgate.domain.job import Job, RetryPolicy, RunnerSize
from headgate.domain.plan import Engine, Plan
from headgate.domain.plan_step import count_runners, plan_step
from headgate.domain.prediction import UNKNOWN_SECONDS
from headgate.errors import SelectionError
from tests.builders import make_environment, make_index, make_node


def plan(
    index: Index, line: str = "dbt build", predictions: Mapping[str, float] | None = None, **environment: Any
) -> Plan:
    return plan_step(
        index,
        Command.parse(line),
        run_id=12,
        step=2,
        bundle="digest",
        environment=make_environment(**environment),
        predictions=predictions or {},
    )


def parents(found: Plan) -> dict[str, tuple[str, ...]]:
    return {node.unique_id: node.parents for node in found.nodes}


A, B, C = "model.shop.a", "model.shop.b", "model.shop.c"
CHAIN = (make_node(A), make_node(B, A), make_node(C, B))


def test_a_plan_says_what_it_is_for() -> None:
    found = plan(make_index(*CHAIN), "dbt build --select b+", threads=3)
    assert (found.run_id, found.step, found.bundle, found.environment) == (12, 2, "digest", "production")
    assert found.command == Command("build", select=("b+",))
    assert found.threads == 3
    assert parents(found) == {B: (), C: (B,)}


def test_only_what_dbt_builds_is_queued() -> None:
    kinds = [
        "source.shop.raw.orders",
        "seed.shop.s",
        "model.shop.m",
        "snapshot.shop.h",
        "test.shop.t",
        "function.shop.f",
        "exposure.shop.e",
        "saved_query.shop.q",
        "metric.shop.n",
        "semantic_model.shop.k",
        "analysis.shop.x",
        "operation.shop.shop-on-run-start-0",
    ]
    found = plan(make_index(*map(make_node, kinds)))
    assert {node.resource_type for node in found.nodes} == {
        "seed", "model", "snapshot", "test", "function", "exposure", "saved_query"
    }  # fmt: skip


def test_blank_and_disabled_nodes_are_left_out_and_keep_the_order_of_the_others() -> None:
    index = make_index(make_node(A), make_node(B, A, empty=True), make_node(C, B))
    assert parents(plan(index)) == {A: (), C: (A,)}
    index = make_index(make_node(A), make_node("model.shop.off", enabled=False))
    assert parents(plan(index)) == {A: ()}


def test_ephemeral_models_are_queued_as_dbt_has_them() -> None:
    found = plan(make_index(make_node(A), make_node(B, A, materialized="ephemeral"), make_node(C, B)))
    assert parents(found) == {A: (), B: (A,), C: (B,)}
    assert found.nodes[1].materialized == "ephemeral"


def test_a_node_waits_for_the_tests_of_what_is_upstream() -> None:
    test, both = "test.shop.t", "test.shop.both"
    index = make_index(*CHAIN, make_node(test, A), make_node(both, A, B))
    assert parents(plan(index)) == {A: (), test: (A,), B: (test,), both: (B,), C: (both,)}


def test_exposures_and_functions_wait_for_no_tests() -> None:
    exposure, function = "exposure.shop.report", "function.shop.f"
    index = make_index(*CHAIN, make_node("test.shop.t", A), make_node(exposure, A), make_node(function, A))
    found = parents(plan(index))
    assert (found[exposure], found[function], found[B]) == ((A,), (A,), ("test.shop.t",))


def test_a_node_waits_for_tests_across_a_function() -> None:
    function = "function.shop.f"
    index = make_index(
        make_node(A), make_node(function, A), make_node(B, function), make_node("test.shop.t", A)
    )
    assert parents(plan(index))[B] == (function, "test.shop.t")


def test_a_test_of_a_model_that_is_not_selected_still_holds_back_its_descendants() -> None:
    index = make_index(*CHAIN, make_node("test.shop.t", A))
    found = plan(index, "dbt build --select test_type:data c")
    assert parents(found) == {"test.shop.t": (), C: ("test.shop.t",)}


def test_unit_tests_belong_to_their_model_and_its_time() -> None:
    one, two = "unit_test.shop.a.one", "unit_test.shop.a.two"
    index = make_index(make_node(A), make_node(two, A), make_node(one, A))
    found = plan(index, predictions={A: 5.0, one: 1.0, two: 2.0})
    assert [node.unique_id for node in found.nodes] == [A]
    assert found.nodes[0].unit_tests == (one, two)
    assert found.nodes[0].predicted_seconds == 8.0
    assert plan(index, "dbt build --exclude unit_test:one").nodes[0].unit_tests == (two,)


def test_a_unit_test_without_its_model_is_said_and_not_planned() -> None:
    index = make_index(make_node(A), make_node("unit_test.shop.a.one", A))
    found = plan(index, "dbt build --select test_type:unit")
    assert found.nodes == ()
    assert found.runners == 0
    assert found.notes == (
        "unit_test.shop.a.one is selected, but dbt runs a unit test only together with its model model.shop.a",
    )


def test_a_selection_that_matches_nothing_is_an_empty_plan_and_says_so() -> None:
    found = plan(make_index(*CHAIN), "dbt build --select tag:gone")
    assert (found.nodes, found.runners, found.work_seconds, found.critical_path_seconds) == ((), 0, 0.0, 0.0)
    assert found.notes == ("'tag:gone' matches nothing that is enabled",)


def test_a_selection_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(SelectionError, match="did you mean tag"):
        plan(make_index(*CHAIN), "dbt build --exclude tga:x")


SELECTORS = {"mine": {"name": "mine", "definition": "b+"}, "first": {"name": "first", "definition": "a"}}


def test_the_default_selector_is_used_only_where_dbt_uses_it() -> None:
    index = make_index(*CHAIN, default_selector="mine", selectors=SELECTORS)
    assert [node.unique_id for node in plan(index).nodes] == [B, C]
    assert len(plan(index, "dbt build --select a").nodes) == 1
    assert len(plan(index, "dbt build --exclude a").nodes) == 2
    assert [node.unique_id for node in plan(index, "dbt build --selector first").nodes] == [A]


def test_a_bundle_that_carries_no_selectors_says_so() -> None:
    with pytest.raises(SelectionError, match=r"no selector .mine.*publish it again"):
        plan(make_index(*CHAIN, default_selector="mine"))


def test_tests_come_along_as_the_command_says() -> None:
    index = make_index(*CHAIN, make_node("test.shop.both", A, B))
    assert len(plan(index, "dbt build --select a").nodes) == 2
    assert len(plan(index, "dbt build --select a --indirect-selection cautious").nodes) == 1
    assert len(plan(index, "dbt build --select a b --indirect-selection cautious").nodes) == 3
    assert len(plan(index, "dbt build --select b --indirect-selection buildable").nodes) == 2
    assert len(plan(index, "dbt build --select a b --indirect-selection empty").nodes) == 2


def test_nodes_are_in_topological_order_whatever_the_order_of_the_index() -> None:
    found = plan(make_index(*reversed(CHAIN), make_node("model.shop.z")))
    assert [node.unique_id for node in found.nodes] == [A, B, C, "model.shop.z"]
    assert found.nodes == plan(make_index(make_node("model.shop.z"), *CHAIN)).nodes


def test_priority_is_the_longest_path_that_starts_at_the_node() -> None:
    index = make_index(make_node(A), make_node(B, A), make_node(C, A), make_node("model.shop.d", B, C))
    found = plan(index, predictions={A: 1.0, B: 2.0, C: 5.5, "model.shop.d": 3.0})
    assert {node.unique_id: node.priority for node in found.nodes} == {
        A: 9.5, B: 5.0, C: 8.5, "model.shop.d": 3.0
    }  # fmt: skip
    assert found.work_seconds == 11.5
    assert found.critical_path_seconds == 9.5


def test_unknown_nodes_take_the_median_of_their_materialisation_else_a_constant() -> None:
    views = [make_node(f"model.shop.v{i}", materialized="view") for i in range(4)]
    odd = make_node("model.shop.odd", materialized="dynamic_table")
    index = make_index(*views, make_node(A), odd)
    seconds = {"model.shop.v0": 1.0, "model.shop.v1": 2.0, "model.shop.v2": 30.0, "model.shop.gone": 99.0}
    found = {node.unique_id: node.predicted_seconds for node in plan(index, predictions=seconds).nodes}
    assert found["model.shop.v2"] == 30.0
    assert found["model.shop.v3"] == 2.0
    assert found[A] == UNKNOWN_SECONDS["table"]
    assert found["model.shop.odd"] == 10.0


@pytest.mark.parametrize(
    ("nodes", "work", "critical_path", "threads", "most", "runners"),
    [
        (0, 0.0, 0.0, 4, 4, 0),
        (1, 5.0, 5.0, 4, 4, 1),
        (100, 40.0, 10.0, 4, 4, 2),  # 1.15 * 40 / (10 * 4) = 1.15
        (100, 34.0, 10.0, 4, 4, 1),  # 0.98
        (100, 300.0, 10.0, 4, 4, 4),  # 8.6, the environment allows four
        (100, 300.0, 10.0, 4, 40, 9),
        (100, 300.0, 10.0, 8, 40, 5),
        (9, 900.0, 1.0, 4, 40, 3),  # nine nodes occupy three runners of four threads
        (3, 0.0, 0.0, 4, 4, 1),  # nothing takes any time
    ],
)
def test_runners(
    nodes: int, work: float, critical_path: float, threads: int, most: int, runners: int
) -> None:
    environment = make_environment(threads=threads, runners=RunnerSize(max=most))
    assert count_runners(nodes, work, critical_path, environment) == runners


def test_a_wide_project_of_thirty_unknown_models_gets_two_runners_of_four_threads() -> None:
    layers = [[make_node(f"model.shop.l{layer}_{i}", materialized=kind) for i in range(10)]
              for layer, kind in enumerate(["view", "table", "table"])]  # fmt: skip
    wide = [
        make_node(
            node.unique_id,
            *(above.unique_id for above in layers[place - 1] if place),
            materialized=node.materialized,
        )
        for place, layer in enumerate(layers)
        for node in layer
    ]
    found = plan(make_index(*wide))
    assert (found.critical_path_seconds, found.work_seconds) == (21.0, 210.0)
    assert found.runners == 3
    assert plan(make_index(*wide), runners=RunnerSize(max=2)).runners == 2


UNIT = "unit_test.shop.b.one"
EVERYTHING = make_index(
    make_node("seed.shop.s"),
    make_node(A, "seed.shop.s"),
    make_node("test.shop.t", A),
    make_node(B, A),
    make_node(UNIT, B),
    make_node("snapshot.shop.h", B),
    make_node("snapshot.shop.later", "snapshot.shop.h"),
    make_node(C, "snapshot.shop.h"),
    make_node("exposure.shop.report", C),
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dbt run", {A: (), B: (A,), C: (B,)}),
        ("dbt test", {"test.shop.t": (), UNIT: ()}),
        ("dbt test --resource-type unit_test", {UNIT: ()}),
        ("dbt test --exclude-resource-type unit_test", {"test.shop.t": ()}),
        ("dbt seed", {"seed.shop.s": ()}),
        ("dbt snapshot", {"snapshot.shop.h": (), "snapshot.shop.later": ("snapshot.shop.h",)}),
        ("dbt run --select seed.shop.s tag:none b", {B: ()}),
        ("dbt build --resource-type model test --exclude c", {A: (), "test.shop.t": (A,), B: ("test.shop.t",)}),
        ("dbt build --resource-type seed snapshot", {
            "seed.shop.s": (), "snapshot.shop.h": ("seed.shop.s",), "snapshot.shop.later": ("snapshot.shop.h",)
        }),
    ],
)  # fmt: skip
def test_each_verb_builds_what_dbts_task_does(line: str, expected: dict[str, tuple[str, ...]]) -> None:
    found = plan(EVERYTHING, line)
    assert parents(found) == expected
    assert found.engine is Engine.SHARED


def test_unit_tests_run_only_where_their_type_is_built() -> None:
    with_unit_tests = plan(EVERYTHING, "dbt build --select b")
    assert [node.unit_tests for node in with_unit_tests.nodes] == [(UNIT,)]
    without = plan(EVERYTHING, "dbt build --select b --exclude-resource-type unit_test")
    assert [node.unit_tests for node in without.nodes] == [()]
    assert plan(EVERYTHING, "dbt build --resource-type unit_test").nodes == ()


@pytest.mark.parametrize("line", ["dbt compile", "dbt docs generate", "dbt source freshness", "dbt deps",
                                  "dbt run-operation grant", "dbt clone --state production"])  # fmt: skip
def test_any_other_command_is_one_turn(line: str) -> None:
    found = plan(EVERYTHING, line)
    assert (found.engine, found.nodes, found.runners, found.has_turn) == (Engine.COMMAND, (), 1, True)


@pytest.mark.parametrize("version", ["1.10.13", "1.12.6", "2.0.0rc196", ""])
def test_another_dbt_is_run_as_one_command_with_its_nodes(version: str) -> None:
    found = plan(make_index(*CHAIN, dbt_version=version))
    assert (found.engine, found.runners) == (Engine.COMMAND, 1)
    assert [node.unique_id for node in found.nodes] == [A, B, C]


def again(index: Index, line: str, only: set[str]) -> Plan:
    return plan_step(
        index, Command.parse(line), run_id=12, step=2, bundle="digest", environment=make_environment(),
        predictions={}, only=only,
    )  # fmt: skip


def test_only_these_nodes_whatever_the_command_selects() -> None:
    found = again(EVERYTHING, "dbt build --select seed.shop.s", {A, C, B, UNIT})
    assert parents(found) == {A: (), B: (A,), C: (B,)}
    assert {node.unique_id: node.unit_tests for node in found.nodes}[B] == (UNIT,)
    assert found.command.select == ("seed.shop.s",)
    assert parents(again(EVERYTHING, "dbt build", {B})) == {B: ()}


def test_a_node_that_is_gone_is_named() -> None:
    found = again(EVERYTHING, "dbt build", {A, "model.shop.gone"})
    assert found.notes == ("model.shop.gone is no longer there",)


def test_another_dbt_is_told_which_nodes() -> None:
    index = make_index(*EVERYTHING.nodes.values(), dbt_version="1.10.13")
    found = again(index, "dbt build -s x --exclude c", {A, UNIT, "exposure.shop.report"})
    assert found.command.words == [
        "build", "--select", "exposure:shop.report", "--select", "fqn:shop.a", "--select", "unit_test:shop.one",
        "--indirect-selection", "empty",
    ]  # fmt: skip
    words = again(index, "dbt build --selector mine --indirect-selection eager --empty", {A}).command.words
    assert words == ["build", "--empty", "--select", "fqn:shop.a", "--indirect-selection", "empty"]
    nothing = again(index, "dbt build", set())
    assert (nothing.engine, nothing.has_turn, nothing.runners) == (Engine.SHARED, False, 0)


LOADED = make_index(
    make_node("source.shop.stripe.payments", schema="stripe"),
    make_node(A, "source.shop.stripe.payments"),
    make_node("test.shop.paid", A),
    make_node(C),
    dbt_version="1.10.13",
    selectors={"paid": {"name": "paid", "definition": "a"}},
)


def test_what_only_headgate_selects_never_reaches_dbt() -> None:
    named = ["--select", "fqn:shop.a", "--select", "source:shop.stripe.payments", "--select", "fqn:shop.paid"]
    empty = ["--indirect-selection", "empty"]
    built = plan(LOADED, "dbt build --select connector:stripe+")
    assert built.command.words == ["build", *named, *empty]
    asked = plan(LOADED, "dbt source freshness --select connector:stripe")
    assert asked.command.words == ["source", "freshness", *named[2:4], *empty]
    assert plan(LOADED, "dbt run -s selector:paid").command.select == ("fqn:shop.a", "fqn:shop.paid")
    newer = make_index(*LOADED.nodes.values(), dbt_version="1.12.1", selectors=LOADED.selectors)
    assert plan(newer, "dbt run -s selector:paid").command.select == ("selector:paid",)
    assert plan(LOADED, "dbt run --selector paid").command.words == ["run", "--selector", "paid"]


def test_a_connector_that_loads_nothing_builds_nothing() -> None:
    found = plan(LOADED, "dbt compile --select connector:hubspot+").command
    assert (found.select, found.exclude) == (("fqn:*", "source:*"), ("fqn:*", "source:*"))


def test_time_limits_are_the_nodes_own_else_the_jobs() -> None:
    index = make_index(make_node(A, timeout=60.0), make_node(B))
    job = Job("nightly", "production", ("dbt build",), node_timeout=1800.0, retries=RetryPolicy(max=5))
    found = plan_step(index, Command("build"), run_id=1, step=1, bundle="d", environment=make_environment(),
                      predictions={}, job=job)  # fmt: skip
    assert [node.timeout_seconds for node in found.nodes] == [60.0, 1800.0]
    assert found.retries == RetryPolicy(max=5)
    assert [node.timeout_seconds for node in plan(index).nodes] == [60.0, None]


def test_a_node_takes_a_place_in_its_pools_and_on_the_warehouse() -> None:
    index = make_index(
        make_node(A, pools=("wh_large", "unheard_of")),
        make_node(B),
        make_node(C, materialized="ephemeral", pools=("wh_large",)),
        make_node("exposure.shop.e", A),
    )
    found = plan(index, concurrency=12, pools={"wh_large": 2})
    assert found.pools == {"wh_large": 2, "warehouse": 12}
    assert {node.unique_id: node.pools for node in found.nodes} == {
        A: ("warehouse", "wh_large"), B: ("warehouse",), C: (), "exposure.shop.e": ()
    }  # fmt: skip
    assert found.notes == (
        "model.shop.a is in the pool 'unheard_of', which environment production does not limit",
    )
    free = plan(index)
    assert (free.pools, {node.pools for node in free.nodes}) == ({}, {()})


def test_no_more_runners_than_the_warehouse_takes_nodes_at_once() -> None:
    environment = make_environment(threads=4, runners=RunnerSize(max=40), concurrency=10)
    assert count_runners(100, 900.0, 1.0, environment) == 3


@pytest.mark.parametrize(("concurrency", "threads"), [(None, 4), (2, 2), (10, 4)])
def test_a_runner_has_no_more_threads_than_the_warehouse_takes_nodes(
    concurrency: int | None, threads: int
) -> None:
    assert plan(make_index(*CHAIN), "dbt compile", concurrency=concurrency, threads=4).threads == threads


def test_what_binds_the_runners_is_in_the_plan() -> None:
    own = ErrorClass("ours", ("x",))
    found = plan(make_index(*CHAIN), "dbt build --fail-fast", error_classes=(own,))
    assert (found.fail_fast, found.error_classes) == (True, (own,))
    assert plan(make_index(*CHAIN)).fail_fast is False


def test_the_flags_of_the_project_fail_fast_unless_the_command_says_otherwise() -> None:
    index = replace(make_index(*CHAIN), fail_fast=True)
    assert plan(index).fail_fast is True
    assert plan(index, "dbt build --no-fail-fast").fail_fast is False
    assert [node.repeatable for node in plan(EVERYTHING, "dbt snapshot").nodes] == [False, False]


def test_ten_thousand_parents_of_one_node_are_planned_in_reasonable_time() -> None:
    wide = [make_node(f"model.shop.m{number}") for number in range(10_000)]
    started = process_time()
    found = plan(make_index(*wide, make_node("model.shop.all", *(node.unique_id for node in wide))))
    assert process_time() - started < 30
    assert len(found.nodes[-1].parents) == 10_000
