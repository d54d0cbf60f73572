"""What was planned as reused and is not there: it and its readers get their turns back before anything else begins."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.build_state import BuildState
from headgate.domain.decision import Action, Decision, Reason
from headgate.domain.plan import Plan
from headgate.domain.queue import NodeState
from headgate.domain.results import NodeStatus
from headgate.usecases.run_nodes import QueueSession
from tests.holds import ENVIRONMENT, FINGERPRINT, holding, joined, state_of
from tests.plans import write
from tests.sessions import LOST_AFTER, run_to_the_end

SHOP: dict[str, Sequence[str]] = {
    "a": (),
    "b": ("a",),
    "c": ("b",),
    "other": (),
    "test.shop.t": ("b",),
    "test.shop.o": ("other",),
}
DAY = 86_400.0


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()


def all_reused(world: MemoryWorld, parents: dict[str, Sequence[str]] = SHOP, **terms: Any) -> Plan:
    """A plan whose nodes were all built by run 5 and need no build. terms: of node c."""
    plan = holding(parents, reuse=True)
    decision = Decision(Action.REUSE, Reason.NO_NEW_DATA)
    nodes = [replace(node, decision=decision, built=f"5.1.{place}") for place, node in enumerate(plan.nodes)]
    built = {node.unique_id: node.built for node in nodes}
    for node in nodes:
        seen = {upstream: built[upstream] for upstream in node.sees}
        state = BuildState(
            node.unique_id,
            version=node.built,
            relation=node.relation,
            fingerprint=FINGERPRINT,
            seen=seen,
            built_at=world.clock.now() - DAY,
            run_id=5,
            status="pass" if node.resource_type == "test" else "success",
        )
        world.states.record(ENVIRONMENT, state)
    nodes = [replace(n, terms=replace(n.terms, **terms)) if n.unique_id == "c" else n for n in nodes]
    return write(world.queue, replace(plan, nodes=tuple(nodes), look=True))


def opener(world: MemoryWorld, plan: Plan, runner: int = 1) -> QueueSession:
    session = joined(world, plan, runner)
    session.next()
    return session


def test_nothing_is_missing(world: MemoryWorld) -> None:
    session = opener(world, all_reused(world))
    assert session.revive_missing(()) == []
    assert world.states.looked_at(ENVIRONMENT) == world.clock.now()
    session.finish("step.opening", None)
    assert run_to_the_end(session) == ["step.closing"]


def test_what_is_missing_is_built_with_whatever_reads_it_and_nothing_else(world: MemoryWorld) -> None:
    session = opener(world, all_reused(world))
    assert session.revive_missing({"b"}) == ["b", "c", "test.shop.t"]
    assert state_of(world, "b").version == ""
    session.finish("step.opening", None)
    order = run_to_the_end(session)
    assert (order[0], set(order)) == ("b", {"b", "c", "test.shop.t", "step.closing"})
    found = {result.unique_id: result.status for result in world.queue.results(7, 1)}
    assert {node for node, status in found.items() if status is NodeStatus.REUSED} == {
        "a",
        "other",
        "test.shop.o",
    }


def test_children_wait_for_what_gets_a_turn_even_if_they_were_planned_without_it(world: MemoryWorld) -> None:
    plan = all_reused(world)
    built = replace(plan.nodes[2], decision=Decision(reason=Reason.CODE))
    plan = replace(plan, run_id=8, nodes=(*plan.nodes[:2], built, *plan.nodes[3:]))
    write(world.queue, plan)
    session = opener(world, plan)
    assert session.revive_missing({"b"}) == ["b", "test.shop.t"]
    waits = {node.unique_id: node.waits for node in world.queue.nodes(8, 1)}
    assert waits["c"] == waits["test.shop.t"] == {plan.positions["b"]}
    session.finish("step.opening", None)
    assert run_to_the_end(session)[0] == "b"


def test_a_reader_whose_window_is_not_over_stays_as_it_is_but_its_tests_run(world: MemoryWorld) -> None:
    session = opener(world, all_reused(world, {**SHOP, "test.shop.c": ("b", "c")}, window=2 * DAY))
    assert session.revive_missing({"b"}) == ["b", "test.shop.t", "test.shop.c"]


def test_what_another_run_has_built_since_the_plan_is_there(world: MemoryWorld) -> None:
    plan = all_reused(world)
    world.states.record(ENVIRONMENT, replace(state_of(world, "b"), version="6.1.9"))
    assert opener(world, plan).revive_missing({"b"}) == []
    assert state_of(world, "b").version == "6.1.9"


@pytest.mark.parametrize("done", range(6))
def test_whoever_opens_after_a_lost_opener_brings_it_to_its_end(world: MemoryWorld, done: int) -> None:
    """The first one dies after so many of its writes."""
    plan = all_reused(world)
    first = opener(world, plan)
    writes = iter(range(done))

    class Dying:
        def __init__(self, port: Any) -> None:
            self._port = port

        def __getattr__(self, name: str) -> Any:
            if name in ("revive", "forget", "correct") and next(writes, None) is None:
                raise SystemExit
            return getattr(self._port, name)

    first._queue, first._states = Dying(first._queue), Dying(first._states)
    with pytest.raises(SystemExit):
        first.revive_missing({"b"})
    world.clock.advance(LOST_AFTER)
    second = joined(world, plan)
    assert second.next().unique_id == "step.opening"  # type: ignore[union-attr]
    assert second.revive_missing({"b"}) == ["b", "c", "test.shop.t"]
    second.finish("step.opening", None)
    order = run_to_the_end(second)
    assert (order[0], set(order)) == ("b", {"b", "c", "test.shop.t", "step.closing"})


def test_an_opener_that_wakes_too_late_changes_nothing(world: MemoryWorld) -> None:
    plan = all_reused(world)
    first = opener(world, plan)
    world.clock.advance(LOST_AFTER)
    second = joined(world, plan)
    second.next()
    second.finish("step.opening", None)
    first.revive_missing({"b"})
    assert all(
        node.state is NodeState.DONE for node in world.queue.nodes(7, 1) if node.position not in (0, 7)
    )
