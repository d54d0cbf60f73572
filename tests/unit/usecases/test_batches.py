"""Tests that share a turn: each has its record, and any of them holds back whoever waits for the turn."""

from dataclasses import replace

import pytest

from headgate.adapters.memory import MemoryClock, MemoryNodeQueue
from headgate.domain.plan import CLOSING, OPENING, Plan
from headgate.domain.queue import Claim, NodeState
from headgate.domain.results import NodeStatus
from headgate.domain.retry import retry_set
from headgate.usecases.repair_queue import repair_queue
from headgate.usecases.run_nodes import QueueSession
from tests.plans import plan_of, result_of, write
from tests.sessions import begun, built, claimed

PARENTS = {"a": (), "t1": ("a",), "t2": ("a",), "b": ("t1",)}
PASS, FAIL = NodeStatus.PASS, NodeStatus.FAIL


@pytest.fixture
def queue() -> MemoryNodeQueue:
    return MemoryNodeQueue()


def plan_of_two(queue: MemoryNodeQueue) -> Plan:
    """`t1` leads `t2`; `b` waits for both of them."""
    plan = plan_of(PARENTS)
    fields = {"t1": {"batch": ("t2",)}, "t2": {"leader": "t1"}}
    nodes = tuple(replace(node, **fields.get(node.unique_id, {})) for node in plan.nodes)  # type: ignore[arg-type]
    return write(queue, replace(plan, nodes=nodes))


def run_until_tests(queue: MemoryNodeQueue) -> tuple[Plan, QueueSession]:
    plan = plan_of_two(queue)
    session = begun(queue, MemoryClock(), plan, 1)
    assert [built(session), built(session)] == [OPENING, "a"]
    assert claimed(session) == "t1"
    return plan, session


@pytest.mark.parametrize(("first", "second"), [(PASS, PASS), (PASS, FAIL), (FAIL, PASS)])
def test_a_failure_of_any_of_them_skips_the_children(
    queue: MemoryNodeQueue, first: NodeStatus, second: NodeStatus
) -> None:
    plan, session = run_until_tests(queue)
    session.finish("t1", result_of("t1", first), [result_of("t2", second)])
    claim = session.next()
    assert isinstance(claim, Claim)
    assert (claim.unique_id, claim.skip) == ("b", FAIL in (first, second))
    session.finish("b", result_of("b", NodeStatus.SKIPPED if claim.skip else NodeStatus.SUCCESS))
    assert built(session) == CLOSING
    assert {one.unique_id: one.status for one in queue.results(7, 1)}["t2"] is second
    failed = {test for test, status in (("t1", first), ("t2", second)) if status is FAIL}
    assert retry_set(plan, queue.nodes(7, 1)) == failed | ({"b"} if claim.skip else set())


@pytest.mark.parametrize("second", [PASS, FAIL])
def test_a_release_that_was_lost_is_repeated_with_what_any_of_them_says(
    queue: MemoryNodeQueue, second: NodeStatus
) -> None:
    plan, _ = run_until_tests(queue)
    queue.record(7, 1, result_of("t2", second), "then")
    assert queue.finish(7, 1, "t1", result_of("t1", PASS), runner=1, epoch=1, at="then")
    assert repair_queue(queue, plan, {}) == ["b"]
    found = {node.unique_id: node for node in queue.nodes(7, 1)}
    assert (found["b"].state, found["b"].skip) == (NodeState.READY, second is FAIL)
