"""What a step's end is called: what never ended, what failed first, what a cancel stopped."""

from dataclasses import replace
from typing import Any

import pytest

from headgate.domain.outcome import cancelled_text, outcome
from headgate.domain.plan import CLOSING, COMMAND, OPENING
from headgate.domain.queue import NodeRecord, NodeState, StepRecord
from headgate.domain.results import NodeStatus
from tests.plans import result_of


def record(
    unique_id: str, state: NodeState, claims: int = 0, kind: str = "model", **fields: Any
) -> NodeRecord:
    return NodeRecord(unique_id, 1, kind, "table", state, 1.0, 1.0, claims=claims, **fields)


def own(unique_id: str, state: NodeState, claims: int = 0) -> NodeRecord:
    return record(unique_id, state, claims, "step")


STEP = StepRecord(1, 1, 4, 1, "2026-01-01T00:00:00.000+00:00")
DONE, READY, WAITING, RUNNING, ATTACHED = (
    NodeState.DONE,
    NodeState.READY,
    NodeState.WAITING,
    NodeState.RUNNING,
    NodeState.ATTACHED,
)
CLOSING_WAITS = own(CLOSING, WAITING)


@pytest.mark.parametrize(
    ("nodes", "error"),
    [
        ([record("a", DONE)], None),
        (
            [record("a", DONE), record("b", READY), CLOSING_WAITS],
            "1 node was never finished (b): the runners were lost",
        ),
        ([record(n, READY) for n in "abc"], "3 nodes were never finished (a, b, c): the runners were lost"),
        ([record(n, READY) for n in "abcd"], "4 nodes were never finished (a, b, c…): the runners were lost"),
        (
            [record("a", DONE), CLOSING_WAITS],
            "1 node was never finished (step.closing): the runners were lost",
        ),
        ([record("t", ATTACHED, kind="unit_test")], None),
    ],
)
def test_what_has_no_end_is_counted_and_named(nodes: list[NodeRecord], error: str | None) -> None:
    assert outcome(STEP, nodes, [], []).error == error


def test_the_node_that_stopped_everything_comes_first() -> None:
    results = [result_of(name, NodeStatus.ERROR, message=f"{name} is broken") for name in "ab"]
    results += [result_of(name, NodeStatus.SKIPPED) for name in "cd"]
    assert outcome(STEP, [], results, []).error == "a: a is broken (and 1 more)"
    fast = outcome(replace(STEP, failed_fast="b"), [], results, [])
    assert fast.error == "b: b is broken (and 1 more); --fail-fast: 2 skipped"
    assert fast.failed[0].unique_id == "b"


@pytest.mark.parametrize(
    ("nodes", "steps", "text"),
    [
        ([record(f"model.shop.{n}", RUNNING, 1) for n in "ab"], 1, "2 nodes stopped (a, b)"),
        ([record("model.shop.a", READY, 1), record("c", WAITING)], 1, "1 node stopped (a), 1 never started"),
        ([record(n, READY, 2) for n in "abcd"], 1, "4 nodes stopped (a, b, c…)"),
        ([record("c", WAITING), own(OPENING, RUNNING, 1), CLOSING_WAITS], 1, "1 node never started"),
        ([own(OPENING, DONE, 1), own(CLOSING, RUNNING, 1)], 1, "the closing stopped"),
        ([own(CLOSING, WAITING)], 1, "the closing never started"),
        ([own(CLOSING, DONE, 1)], 1, "nothing was left to stop"),
        ([own(CLOSING, DONE, 1)], 2, "step 2 never began"),
        ([record("a", RUNNING, 1)], 4, "1 node stopped (a), 3 steps never began"),
        (
            [own(COMMAND, RUNNING, 1), record("a", ATTACHED)],
            1,
            "the dbt command stopped, 1 node never started",
        ),
        ([own(COMMAND, READY)], 1, "the dbt command never started"),
    ],
)
def test_a_cancel_says_what_it_stopped(nodes: list[NodeRecord], steps: int, text: str) -> None:
    ended = outcome(replace(STEP, halted="cancelled by ana"), nodes, [], [])
    assert cancelled_text("by ana", ended, 1, steps) == f"cancelled by ana: {text}"


@pytest.mark.parametrize(
    ("step", "steps", "text"),
    [
        (1, 1, "nothing had begun"),
        (1, 3, "nothing had begun"),
        (2, 2, "step 2 never began"),
        (2, 3, "2 steps never began"),
    ],
)
def test_a_cancel_before_a_step_was_planned_says_so(step: int, steps: int, text: str) -> None:
    assert cancelled_text("in AWS", None, step, steps) == f"cancelled in AWS: {text}"
