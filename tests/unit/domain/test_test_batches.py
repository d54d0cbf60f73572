"""Which tests of a plan share a query, and what waits for what then."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.domain.batch_reading import batch_of
from headgate.domain.code import Code
from headgate.domain.command import Command
from headgate.domain.entry import Entry
from headgate.domain.index import Index
from headgate.domain.job import Job, ReusePolicy
from headgate.domain.outcome import held_back
from headgate.domain.plan import Plan
from headgate.domain.plan_step import plan_step
from headgate.domain.queue import NodeState, initial_records, unfinished_parents
from headgate.domain.test_batches import MOST, batched
from tests.builders import make_entry, make_environment, make_index, make_node
from tests.plans import reusing

A, B = "model.shop.a", "model.shop.b"
T1, T2, T3 = (f"test.shop.t{number}" for number in (1, 2, 3))
MAY = Code(batch={"kind": "not_null", "column": "id"})


def index_of(*more: Any, **fields: Any) -> Index:
    tests = [make_node(test, A, code=MAY, severity="error", **fields) for test in (T1, T2, T3)]
    return make_index(make_node(A), make_node(B, A), *tests, *more)


def plan_for(index: Index, line: str = "dbt build", timeout: float | None = None) -> Plan:
    reuse = ReusePolicy(batch_tests=True)
    return plan_step(
        index,
        Command.parse(line),
        run_id=7,
        step=1,
        bundle="d" * 64,
        environment=make_environment(),
        predictions={T1: 1.0, T2: 2.0, T3: 4.0, A: 8.0, B: 16.0},
        job=Job("job", "production", (line,), reuse=reuse, node_timeout=timeout),
    )


def test_the_first_one_gets_the_turn_of_all() -> None:
    plan = plan_for(index_of(), timeout=60.0)
    found = {node.unique_id: node for node in plan.nodes}
    assert (found[T1].batch, found[T1].leader) == ((T2, T3), "")
    assert {found[test].leader for test in (T2, T3)} == {T1}
    assert found[B].parents == (T1,)
    assert (found[T1].predicted_seconds, found[T1].priority, found[A].priority) == (7.0, 23.0, 31.0)
    assert found[T1].timeout_seconds == 180.0
    assert [node.unique_id for node in plan.nodes].index(T1) < [node.unique_id for node in plan.nodes].index(
        B
    )


def test_the_others_are_attached_and_nobody_waits_for_them() -> None:
    plan = plan_for(index_of())
    records = {record.unique_id: record for record in initial_records(plan)}
    assert [records[test].state for test in (T1, T2, T3)] == [NodeState.WAITING, *[NodeState.ATTACHED] * 2]
    assert records[B].waits == {plan.positions[T1]}
    assert unfinished_parents(plan, records.values()).keys() & {T1, T2, T3} == {T1}


def test_what_waits_for_the_leader_is_held_back_by_any_of_them() -> None:
    plan = plan_for(index_of())
    assert held_back(plan, T3) == {B} == held_back(plan, T1)
    assert held_back(plan, A) == {B, T1, T2, T3}


@pytest.mark.parametrize(
    "index",
    [
        make_index(make_node(A), make_node(T1, A, code=MAY), make_node(T2, A)),
        make_index(make_node(A), make_node(B), make_node(T1, A, code=MAY), make_node(T2, B, code=MAY)),
        make_index(make_node(A, materialized="ephemeral"), *(make_node(t, A, code=MAY) for t in (T1, T2))),
        make_index(make_node(A), make_node(B), *(make_node(t, A, B, code=MAY) for t in (T1, T2))),
        make_index(make_node(A), *(make_node(t, A, code=MAY, pools=(t,)) for t in (T1, T2))),
    ],
    ids=["configured", "of two models", "of an ephemeral model", "of both models", "of two pools"],
)
def test_these_do_not_share(index: Index) -> None:
    nodes = plan_step(
        index, Command("build"), run_id=7, step=1, bundle="", predictions={},
        environment=make_environment(pools={T1: 1, T2: 1}),
    ).nodes  # fmt: skip
    assert batched(nodes, index) == nodes


def test_neither_a_reused_one_nor_one_that_stores_its_failures_shares() -> None:
    index = index_of()
    plan = reusing(plan_for(index_of(materialized="test"), "dbt test"), T1)
    single = [node for node in plan.nodes if not node.leader and not node.batch]
    assert single == []
    fresh = plan_step(
        index, Command("test"), run_id=7, step=1, bundle="", predictions={}, environment=make_environment()
    )
    found = {node.unique_id: node for node in batched(reusing(fresh, T1).nodes, index)}
    assert (found[T1].batch, found[T2].batch) == ((), (T3,))
    assert all(not node.batch for node in plan_for(index, "dbt build --store-failures").nodes)


@given(st.integers(0, 3 * MOST))
def test_batches_stay_small_and_lose_none(number: int) -> None:
    tests = [make_node(f"test.shop.t{one:03}", A, code=MAY) for one in range(number)]
    index = make_index(make_node(A), *tests)
    nodes = plan_step(
        index, Command("test"), run_id=7, step=1, bundle="", predictions={}, environment=make_environment()
    ).nodes
    found = batched(nodes, index)
    assert {node.unique_id for node in found} == {test.unique_id for test in tests}
    assert all(len(node.batch) < MOST for node in found)
    members = [test for node in found for test in node.batch]
    assert sorted(members) == sorted(node.unique_id for node in found if node.leader)


DEFAULT = {
    "severity": "ERROR", "fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0", "store_failures": None,
    "limit": None, "where": None, "materialized": "test", "enabled": True, "tags": ["x"], "schema": "audit",
}  # fmt: skip


def batch(name: str = "not_null", config: dict[str, Any] | None = None, **kwargs: Any) -> Any:
    given = {"model": "{{ get_where_subquery(ref('a')) }}", "column_name": "id", **kwargs}
    entry = make_entry(T1, A, config=DEFAULT | (config or {}), test_metadata={"name": name, "kwargs": given})
    return batch_of(msgspec.convert(entry, Entry))


def test_what_a_common_query_needs_is_kept() -> None:
    assert batch("unique", column_name='"Order"') == {"kind": "unique", "column": '"Order"'}
    values = ["it''s", "a (b", "x--y", 1]
    assert batch("accepted_values", values=values) == {
        "kind": "accepted_values", "column": "id", "values": values, "quote": True,
    }  # fmt: skip
    assert batch("accepted_values", values=[1, "2"], quote=False) is not None


@pytest.mark.parametrize(
    "config",
    [
        {"severity": "warn"}, {"fail_calc": "sum(x)"}, {"warn_if": "> 1"}, {"error_if": "> 1"}, {"where": "true"},
        {"limit": 5}, {"store_failures": True}, {"sql_header": "set x = 1"}, {"snowflake_warehouse": "big"},
    ],
)  # fmt: skip
def test_a_test_with_a_config_of_its_own_runs_alone(config: dict[str, Any]) -> None:
    assert batch() is not None
    assert batch(config=config) is None


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("relationships", {}),
        ("not_null", {"column_name": "a -- b"}),
        ("not_null", {"column_name": "a || 'x"}),
        ("not_null", {"column_name": "a) or (b"}),
        ("not_null", {"column_name": "{{ var('x') }}"}),
        ("unique", {"group_by": "x"}),
        ("accepted_values", {"values": ["it's"]}),
        ("accepted_values", {"values": ["a", None]}),
        ("accepted_values", {"values": []}),
        ("accepted_values", {"values": "{{ var('x') }}"}),
        ("accepted_values", {"values": ["a'", "'b"], "quote": True}),
        ("accepted_values", {"values": ["1) or (1=1"], "quote": False, "column_name": "1) or (x"}),
        ("accepted_values", {"values": [1], "quote": "no"}),
    ],
)
def test_what_could_reach_into_another_test_runs_alone(name: str, kwargs: dict[str, Any]) -> None:
    assert batch(name, **kwargs) is None
