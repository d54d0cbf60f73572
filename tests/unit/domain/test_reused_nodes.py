"""Reused nodes in a plan and its queue: they are done before anything begins, and nobody waits for them."""

from __future__ import annotations

from headgate.domain.decision import Action, Decision, Reason
from headgate.domain.plan import CLOSING, OPENING, Plan
from headgate.domain.queue import NodeRecord, NodeState, initial_records, unfinished_parents
from headgate.domain.results import NodeResult
from tests.plans import plan_of, reusing

DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}


def records(plan: Plan) -> dict[str, NodeRecord]:
    return {record.unique_id: record for record in initial_records(plan)}


def names(plan: Plan, record: NodeRecord) -> set[str]:
    ids = {position: unique_id for unique_id, position in plan.positions.items()}
    return {ids[position] for position in record.waits}


def test_a_reused_node_is_done_with_a_result_as_dbt_writes_them() -> None:
    plan = reusing(plan_of(DIAMOND), "a", relation='"db"."s"."a"')
    found = records(plan)["a"]
    assert (found.state, found.waits, found.runner, found.claims) == (NodeState.DONE, frozenset(), None, 0)
    assert found.result is not None
    assert found.result.entry == {
        "status": "reused",
        "timing": [],
        "thread_id": "",
        "execution_time": 0.0,
        "adapter_response": {},
        "message": "no_new_data: nothing new in stripe",
        "failures": None,
        "unique_id": "a",
        "compiled": None,
        "compiled_code": None,
        "relation_name": '"db"."s"."a"',
        "batch_results": None,
    }


def test_a_test_that_warned_warns_again_with_its_age() -> None:
    decision = Decision(Action.REUSE, Reason.NO_NEW_DATA, "Got 3 results (2 hours ago)", status="warn")
    result = records(reusing(plan_of(DIAMOND), "d", decision=decision))["d"].result
    assert result is not None
    assert (result.status.value, result.failed, result.blocks_children) == ("warn", False, False)
    assert "2 hours ago" in result.message


def test_nobody_waits_for_a_reused_parent_and_who_waits_for_none_waits_for_the_opening() -> None:
    plan = reusing(plan_of(DIAMOND), "a", "b")
    found = records(plan)
    assert {name: names(plan, found[name]) for name in ("c", "d")} == {"c": {OPENING}, "d": {"c"}}
    assert set(plan.children[OPENING]) == {"c"}
    assert {record.position for record in found.values()} == set(range(6))


def test_a_plan_that_builds_nothing_has_neither_opening_nor_closing() -> None:
    plan = reusing(plan_of(DIAMOND), *DIAMOND)
    assert not plan.has_turn
    assert {record.unique_id: record.state for record in initial_records(plan)} == dict.fromkeys(
        DIAMOND, NodeState.DONE
    )
    assert unfinished_parents(plan, initial_records(plan)) == {}


def test_a_look_alone_has_an_opening_and_a_closing() -> None:
    plan = reusing(plan_of(DIAMOND), *DIAMOND, look=True)
    found = records(plan)
    assert (found[OPENING].state, found[CLOSING].state) == (NodeState.READY, NodeState.WAITING)
    assert plan.children[OPENING] == ()


def test_a_unit_test_of_a_reused_model_waits_for_a_turn_that_its_model_may_never_get() -> None:
    plan = reusing(plan_of(DIAMOND, unit_tests={"a": ("unit_test.shop.a",)}), "a")
    found = records(plan)["unit_test.shop.a"]
    assert (found.state, found.result) == (NodeState.ATTACHED, None)


def test_what_is_due_follows_from_the_records_alone() -> None:
    plan = reusing(plan_of(DIAMOND), "a", "b")
    found = records(plan)
    due = unfinished_parents(plan, found.values())
    assert {name: {1: "a", 3: "c", 0: OPENING}[next(iter(due[name]))] for name in ("c", "d")} == {
        "c": OPENING,
        "d": "c",
    }
    # The opening saw that `a` is not there: it waits, and so do those that read it.
    found["a"] = NodeRecord("a", 1, "model", "table", NodeState.WAITING, 1.0, 1.0)
    due = unfinished_parents(plan, found.values())
    assert (due["a"], due["c"]) == ({0}, {1})
    done = NodeResult.of_reused("x", "success", "")
    found[OPENING] = NodeRecord(OPENING, 0, "step", "step", NodeState.DONE, 1.0, 0.0, result=done)
    assert unfinished_parents(plan, found.values())["a"] == frozenset()
