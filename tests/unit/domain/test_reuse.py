"""The decision table, row by row, over a small project; and the decision that is made again at claim time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from headgate.domain.build_state import BuildState
from headgate.domain.code import Code, Macro
from headgate.domain.command import Command
from headgate.domain.decision import Reason
from headgate.domain.index import Index
from headgate.domain.job import ReusePolicy
from headgate.domain.plan import Plan, PlannedNode
from headgate.domain.reuse import Decided, decide_again, decide_all, versions_now
from headgate.domain.source_versions import SourceVersion
from tests.builders import make_index, make_node

NOW = 1_764_000_000.0
HOUR = 3600.0
RAW, STG, ORDERS = "source.shop.raw.orders", "model.shop.stg_orders", "model.shop.orders"
REPORT, ALL, TEST = "model.shop.report", "model.shop.all_orders", "test.shop.not_null_orders_id.abc"
ORDER = (STG, ORDERS, TEST, REPORT, ALL)
MACROS = {
    "macro.shop.to_eur": Macro(text="1", macros=("macro.shop.cents",), path="macros/eur.sql"),
    "macro.shop.cents": Macro(text="1", path="macros/money.sql"),
}
POLICY = ReusePolicy(unchanged=True)
SYNCED = {RAW: SourceVersion("stripe@1", "stripe synced at 06:02 UTC, sync 1")}
AGAIN = {RAW: SourceVersion("stripe@2", "stripe synced at 07:02 UTC, sync 2")}


def project(macros: Mapping[str, Macro] = MACROS, **codes: Code) -> Index:
    """raw -> stg_orders (view) -> orders (table, tested) -> report (table), all_orders (view of `select *`)."""
    code = {
        "stg_orders": Code(text="s"),
        "orders": Code(text="o", config="materialized=table"),
        "report": Code(text="r", macros=("macro.shop.to_eur",)),
        "all_orders": Code(text="*", star=True),
    } | codes
    return make_index(
        make_node(RAW),
        make_node(STG, RAW, materialized="view", relation_name="stg", code=code["stg_orders"]),
        make_node(ORDERS, STG, relation_name="orders", code=code["orders"]),
        make_node(TEST, ORDERS, severity="error", code=Code(text="t")),
        make_node(REPORT, ORDERS, relation_name="report", code=code["report"]),
        make_node(ALL, ORDERS, materialized="view", relation_name="all", code=code["all_orders"]),
        macros=dict(macros),
    )


def plan_of(index: Index, decided: Decided, states: Mapping[str, BuildState]) -> Plan:
    nodes = tuple(
        PlannedNode(
            one, index.nodes[one].resource_type, index.nodes[one].materialized, (), 1.0, 1.0,
            decision=decided.decisions[one], relation=index.nodes[one].relation_name or "",
            fingerprint=decided.fingerprints[one], sees=decided.sees[one], terms=decided.terms[one],
            built=states[one].version if one in states else "",
        )
        for one in decided.decisions
    )  # fmt: skip
    return Plan(
        run_id=9, step=1, command=Command("build"), bundle="b", environment="production", nodes=nodes, runners=1,
        threads=1, reuse=True, versions=decided.versions,
    )  # fmt: skip


def built(index: Index, order: tuple[str, ...] = ORDER) -> dict[str, BuildState]:
    """Everything was built an hour ago, in run 8."""
    states: dict[str, BuildState] = {}
    decided = decide_all(index, order, states={}, sources=SYNCED, policy=POLICY, now=NOW - HOUR)
    plan = plan_of(index, decided, {})
    for node in plan.nodes:
        is_test = node.resource_type == "test"
        states[node.unique_id] = BuildState(
            node.unique_id,
            version="" if is_test else f"8.1.{len(states)}",
            relation=node.relation,
            fingerprint=node.fingerprint,
            seen=versions_now(plan, node, states),
            built_at=NOW - HOUR,
            run_id=8,
            status="pass" if is_test else "success",
        )
    return states


def decisions(
    index: Index, states: Mapping[str, BuildState], order: tuple[str, ...] = ORDER, **fields: Any
) -> dict[str, str]:
    """name -> `reason: fact` of what is built, `reason` of what is reused."""
    given: dict[str, Any] = {"sources": SYNCED, "policy": POLICY, "now": NOW} | fields
    decided = decide_all(index, order, states=states, **given)
    return {
        one.split(".")[2]: found.reason.value if found.reuses else f"{found.reason.value}: {found.fact}"
        for one, found in decided.decisions.items()
    }


NOTHING = dict.fromkeys(("stg_orders", "orders", "not_null_orders_id", "report", "all_orders"), "no_new_data")


def test_where_nothing_is_new_everything_is_reused() -> None:
    assert decisions(project(), built(project())) == NOTHING


def test_a_job_that_does_not_reuse_builds_what_is_selected() -> None:
    assert set(decisions(project(), built(project()), policy=ReusePolicy()).values()) == {"selected: "}


def test_what_is_forced_is_built() -> None:
    found = decisions(project(), built(project()), forced="--full-refresh")
    assert set(found.values()) == {"forced: --full-refresh"}


def test_a_record_of_another_format_or_relation_is_no_state() -> None:
    states = built(project())
    states[ORDERS] = replace(states[ORDERS], relation="dev.orders")
    states[REPORT] = replace(states[REPORT], format=2)
    found = decisions(project(), states)
    assert found["orders"] == "no_state: went to dev.orders before"
    assert found["report"] == "no_state: what is remembered of it has format 2, not 1"


def test_what_was_never_built_or_is_gone_is_missing() -> None:
    states = built(project())
    del states[ORDERS]
    states[REPORT] = replace(states[REPORT], version="", seen={}, fingerprint={})
    found = decisions(project(), states)
    assert found["orders"] == "missing: never built here"
    assert found["report"].startswith("missing: ")


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (
            {"status": "error", "message": "division by zero\nat line 3"},
            "its last build ended with error: division by zero",
        ),
        ({"status": "partial success"}, "its last build ended with partial success"),
        ({"holder": "12#1#1#1#model.shop.orders"}, "run 12 began to build it and has not ended"),
        ({"failed": frozenset({TEST})}, "not_null_orders_id failed in run 8"),
        ({"pending": frozenset({TEST})}, "not_null_orders_id has not ended since run 8 built it"),
    ],
)
def test_what_is_not_known_to_be_sound_is_built(change: dict[str, Any], fact: str) -> None:
    states = built(project())
    states[ORDERS] = replace(states[ORDERS], **change)
    found = decisions(project(), states)
    assert found["orders"] == f"unhealthy: {fact}"
    # The view is dropped with the table.
    for name in ("report", "not_null_orders_id", "all_orders"):
        assert found[name] == "new_data: orders is built in this run"


def test_nobody_trusts_the_data_of_an_upstream_whose_build_failed() -> None:
    states = built(project())
    states[ORDERS] = replace(states[ORDERS], status="error", message="killed")
    fact = "new_data: orders: its last build ended with error: killed"
    assert decisions(project(), states, (REPORT,)) == {"report": fact}


def test_volatile_code_is_built_unless_somebody_says_that_the_moment_does_not_matter() -> None:
    def orders(code: Code, policy: ReusePolicy = POLICY) -> str:
        index = project(orders=code)
        return decisions(index, built(index), policy=policy)["orders"]

    today = Code(text="o", volatile="current_date")
    careless = replace(POLICY, ignore_volatile=True)
    assert orders(today) == "volatile: current_date"
    assert orders(today, careless) == "no_new_data"
    assert orders(Code(text="o", volatile="current_date", steady=True)) == "no_new_data"
    assert orders(Code(text="o", volatile="now", steady=False), careless) == "volatile: now"


def test_a_macro_far_below_makes_code_volatile() -> None:
    deep = project(MACROS | {"macro.shop.cents": Macro(volatile="now", path="macros/money.sql")})
    assert decisions(deep, built(deep))["report"] == "volatile: now, in macro cents (macros/money.sql)"


def test_readers_of_a_volatile_view_have_new_data_always() -> None:
    index = project(stg_orders=Code(text="s", volatile="current_date"))
    assert decisions(index, built(index))["orders"] == "new_data: stg_orders depends on current_date"


def test_new_code_says_what_is_new() -> None:
    states = built(project())
    other = project(orders=Code(text="o", config="materialized=incremental"))
    found = decisions(other, states)
    assert found["orders"] == "code: config materialized changed from table to incremental"
    deep = project(MACROS | {"macro.shop.cents": Macro(text="2", path="macros/money.sql")})
    changed = {"report": "code: macro cents changed (macros/money.sql), through to_eur"}
    assert decisions(deep, states) == NOTHING | changed


def test_a_view_with_new_code_is_new_data_for_its_readers() -> None:
    found = decisions(project(stg_orders=Code(text="s2")), built(project()))
    assert found["stg_orders"] == "code: its code changed"
    assert found["orders"] == "new_data: view stg_orders is built in this run"


def test_a_view_that_is_built_again_without_new_code_is_no_new_data() -> None:
    states = built(project())
    states[STG] = replace(states[STG], status="error")
    found = decisions(project(), states)
    assert found["stg_orders"] == "unhealthy: its last build ended with error"
    assert found["orders"] == "no_new_data"


def test_new_rows_are_seen_through_a_view_which_shows_them_by_itself() -> None:
    found = decisions(project(), built(project()), sources=AGAIN)
    below = dict.fromkeys(
        ("report", "all_orders", "not_null_orders_id"), "new_data: orders is built in this run"
    )
    assert found == NOTHING | below | {"orders": "new_data: stripe synced at 07:02 UTC, sync 2"}


def test_nothing_known_of_a_source_is_a_reason_to_build() -> None:
    unknown = {RAW: SourceVersion("", "nothing is known of raw.orders")}
    found = decisions(project(), built(project()), sources=unknown)
    assert found["stg_orders"] == found["orders"] == "unknown_source: nothing is known of raw.orders"


def test_what_was_looked_at_too_long_ago_is_unknown_but_for_who_tolerates_it() -> None:
    old = {RAW: SourceVersion("stripe@1", "seen at 05:00", age=2 * HOUR)}
    index = project(orders=Code(text="o", lag=3 * HOUR))
    found = decisions(index, built(index), sources=old)
    assert found["stg_orders"] == "unknown_source: seen at 05:00, but that is too long ago"
    assert found["orders"].startswith("new_data: ") is False
    assert found["orders"] == "no_new_data"


def test_what_reads_behind_the_back_of_dbt_is_built() -> None:
    index = project(orders=Code(text="o", hidden="raw.x"))
    assert decisions(index, built(index))["orders"] == "unknown_source: it reads raw.x without ref or source"
    below = project(stg_orders=Code(text="s", hidden="raw.x"))
    assert decisions(below, built(below))["orders"].startswith("unknown_source: stg_orders: it reads raw.x")


WINDOW = Code(text="o", build_after=4 * HOUR)


def test_new_data_waits_for_the_window_and_says_when_it_is_due() -> None:
    index = project(orders=WINDOW)
    decided = decide_all(index, ORDER, states=built(index), sources=AGAIN, policy=POLICY, now=NOW)
    waits = decided.decisions[ORDERS]
    assert (waits.reuses, waits.reason) == (True, Reason.INSIDE_WINDOW)
    assert waits.due_at == "2025-11-24T19:00:00.000+00:00"
    assert decided.decisions[REPORT].reuses
    late = decisions(index, built(index), sources=AGAIN, now=NOW + 3 * HOUR)
    assert late["orders"].startswith("new_data: ")


def test_a_clock_that_went_backwards_holds_nothing_back() -> None:
    index = project(orders=WINDOW)
    found = decisions(index, built(index), sources=AGAIN, now=NOW - 2 * HOUR)
    assert found["orders"].startswith("new_data: the clock went backwards")


def test_new_code_waits_only_where_the_job_says_so() -> None:
    states = built(project(orders=WINDOW))
    changed = project(orders=Code(text="o2", build_after=4 * HOUR))
    patient = replace(POLICY, respect_window=True)
    code = "code: its code changed"
    assert decisions(changed, states)["orders"] == code
    assert decisions(changed, states, policy=patient)["orders"] == "inside_window"
    assert decisions(changed, states, policy=patient, now=NOW + 4 * HOUR)["orders"] == code


def test_no_window_holds_a_view_whose_table_is_built() -> None:
    index = project(all_orders=Code(text="a", build_after=48 * HOUR))
    found = decisions(index, built(index), sources=AGAIN)
    assert found["all_orders"] == "new_data: orders is built in this run"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [("any", "new_data: stripe synced at 07:02 UTC, sync 2"), ("all", "no_new_data")],
)
def test_new_data_of_any_upstream_or_of_all(wanted: str, text: str) -> None:
    rates = "source.shop.raw.rates"
    sources = SYNCED | {rates: SourceVersion("rates@1", "rates synced")}
    orders = make_node(ORDERS, RAW, rates, relation_name="orders", code=Code(text="o", updates_on=wanted))
    index = make_index(make_node(RAW), make_node(rates), orders)
    decided = decide_all(index, (ORDERS,), states={}, sources=sources, policy=POLICY, now=NOW)
    plan = plan_of(index, decided, {})
    state = BuildState(
        ORDERS,
        version="8.1.1",
        relation="orders",
        fingerprint=decided.fingerprints[ORDERS],
        seen=versions_now(plan, plan.nodes[0], {}),
        built_at=NOW,
        status="success",
    )
    assert decisions(index, {ORDERS: state}, (ORDERS,), sources=sources | AGAIN) == {"orders": text}


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("pass", "no_new_data"),
        ("warn", "no_new_data"),
        ("fail", "unhealthy: it ended with fail in run 8"),
        ("error", "unhealthy: it ended with error in run 8"),
    ],
)
def test_a_test_is_reused_if_it_ended_well(status: str, text: str) -> None:
    states = built(project())
    states[TEST] = replace(states[TEST], status=status)
    assert decisions(project(), states)["not_null_orders_id"] == text


@pytest.mark.parametrize(
    ("status", "word", "reported"), [("pass", "passed", "reused"), ("warn", "warned", "warn")]
)
def test_a_reused_test_says_how_and_when_it_ended(status: str, word: str, reported: str) -> None:
    states = built(project())
    states[TEST] = replace(states[TEST], status=status)
    decided = decide_all(project(), ORDER, states=states, sources=SYNCED, policy=POLICY, now=NOW)
    found = decided.decisions[TEST]
    assert (found.fact, found.status) == (f"it {word} in run 8, 1 h ago", reported)


def test_a_test_of_a_source_runs_with_each_sync_and_whenever_nothing_is_known() -> None:
    test = "test.shop.fresh.abc"
    index = make_index(make_node(RAW), make_node(test, RAW, code=Code(text="t")))
    states = built(index, (test,))
    assert decisions(index, states, (test,)) == {"fresh": "no_new_data"}
    assert decisions(index, states, (test,), sources=AGAIN)["fresh"].startswith("new_data")
    assert decisions(index, states, (test,), sources={})["fresh"].startswith("unknown_source")


def test_what_is_read_in_another_environment_is_unknown() -> None:
    found = decisions(project(), built(project()), (REPORT,), elsewhere={ORDERS, STG, RAW})
    assert found["report"] == "new_data: nothing is known of the data in orders"


def test_other_options_of_the_command_are_other_code() -> None:
    found = decisions(project(), built(project()), options="--empty")
    assert found["orders"] == "code: it was built with other options of the command"


def planned(index: Index, states: Mapping[str, BuildState], **fields: Any) -> Plan:
    given: dict[str, Any] = {"sources": AGAIN, "policy": POLICY, "now": NOW} | fields
    return plan_of(index, decide_all(index, ORDER, states=states, **given), states)


def test_a_second_run_that_comes_to_a_node_decides_again() -> None:
    index, states = project(), built(project())
    plan = planned(index, states)
    node = plan.nodes[plan.positions[ORDERS] - 1]
    assert not node.decision.reuses
    there = replace(states[ORDERS], version="9.1.7", seen=versions_now(plan, node, states), run_id=9)
    again = decide_again(plan, node, there, states | {ORDERS: there}, NOW)
    assert (again.reuses, again.reason) == (True, Reason.NO_NEW_DATA)
    # Whoever reads it sees another version.
    report = plan.nodes[plan.positions[REPORT] - 1]
    assert not decide_again(plan, report, states[REPORT], states | {ORDERS: there}, NOW).reuses


def test_a_build_that_was_asked_for_stays_one() -> None:
    index, states = project(), built(project())
    plan = planned(index, states, forced="--full-refresh", sources=SYNCED)
    for node in plan.nodes:
        assert decide_again(plan, node, states[node.unique_id], states, NOW) == node.decision


def test_a_view_that_is_not_as_its_code_says_has_no_version() -> None:
    index, states = project(), built(project())
    plan = planned(index, states)
    node = plan.nodes[plan.positions[ORDERS] - 1]
    assert versions_now(plan, node, states)[STG]
    other = replace(states[STG], fingerprint={"text": "other"})
    assert versions_now(plan, node, states | {STG: other})[STG] == ""
    assert versions_now(plan, node, {})[STG] == ""


def test_new_rows_do_not_show_in_a_materialized_view_by_themselves() -> None:
    stored, reader = "model.shop.stored", "model.shop.reader"
    index = make_index(
        make_node(RAW),
        make_node(STG, RAW, materialized="view", relation_name="stg", code=Code(text="s")),
        make_node(stored, STG, materialized="materialized_view", relation_name="m", code=Code(text="m")),
        make_node(reader, stored, relation_name="r", code=Code(text="r")),
    )
    order = (STG, stored, reader)
    found = decisions(index, built(index, order), order, sources=AGAIN)
    assert found == {
        "stg_orders": "no_new_data",
        "stored": "new_data: stripe synced at 07:02 UTC, sync 2",
        "reader": "new_data: stored is built in this run",
    }
    assert set(decisions(index, built(index, order), order).values()) == {"no_new_data"}


def test_dbt_test_runs_unit_tests_since_nothing_is_remembered_of_them() -> None:
    unit_test = "unit_test.shop.orders.adds_up"
    index = make_index(
        make_node(ORDERS, relation_name="orders", code=Code(text="o")), make_node(unit_test, ORDERS)
    )
    decided = decide_all(
        index, (unit_test,), states=built(index, (ORDERS,)), sources={}, policy=POLICY, now=NOW
    )
    assert decided.decisions[unit_test].reason is Reason.MISSING
