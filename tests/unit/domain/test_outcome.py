"""What a failure keeps from being built, and what is said of runners that are gone."""

from dataclasses import replace

import pytest

from headgate.domain.command import Command
from headgate.domain.outcome import held_back, outcome
from headgate.domain.plan import COMMAND, Engine, Plan, PlannedNode
from headgate.domain.queue import NodeState, RunnerRecord, initial_records
from headgate.domain.results import NodeResult


def node(name: str, *parents: str, unit_tests: tuple[str, ...] = ()) -> PlannedNode:
    return PlannedNode(name, "model", "table", parents, 1.0, 1.0, unit_tests)


PLAN = Plan(
    run_id=1,
    step=1,
    command=Command("build"),
    bundle="b",
    environment="production",
    nodes=(node("a"), node("b", "a", unit_tests=("unit_test.b.x",)), node("c", "b"), node("d", "a", "c")),
    runners=1,
    threads=4,
)


@pytest.mark.parametrize(
    ("failed", "expected"),
    [("a", {"b", "c", "d"}), ("b", {"c", "d"}), ("d", set()), ("unit_test.b.x", {"b", "c", "d"})],
)
def test_a_failure_holds_back_what_is_below_and_a_unit_test_its_model_too(
    failed: str, expected: set[str]
) -> None:
    assert held_back(PLAN, failed) == expected


def test_nodes_without_an_end_are_told_with_what_became_of_each_runner() -> None:
    records = [RunnerRecord(2, 1, 0.0, ended=True, error="dbt crashed"), RunnerRecord(3, 1, 0.0)]
    lost = {1: "AmazonECS.Unknown: Capacity is unavailable", 2: "exit code 1"}
    told = outcome(None, initial_records(PLAN), [], records, lost=lost).error or ""
    assert told.startswith("4 nodes were never finished")
    assert told.endswith(": runner 1: AmazonECS.Unknown: Capacity is unavailable; runner 2: dbt crashed")
    assert (outcome(None, initial_records(PLAN), [], []).error or "").endswith("the runners were lost")
    assert outcome(None, [], [], [], lost=lost).error is None, "others did its share"


def test_what_a_dbt_command_says_of_itself_counts_unless_a_node_failed() -> None:
    turn, *nodes = initial_records(replace(PLAN, engine=Engine.COMMAND))
    entry = {"unique_id": COMMAND, "status": "error", "message": "dbt left no run_results.json"}
    ended = replace(turn, state=NodeState.DONE, result=NodeResult.from_entry(entry, 1))
    failed = NodeResult.from_entry({"unique_id": "a", "status": "error", "message": "no table"}, 1)

    assert outcome(None, [ended, *nodes], [], []).error == "dbt left no run_results.json"
    assert outcome(None, [ended, *nodes], [failed], []).error == "a: no table"
    assert outcome(None, [replace(ended, result=None), *nodes], [], []).error is None
