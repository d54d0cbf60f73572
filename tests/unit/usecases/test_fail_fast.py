"""`--fail-fast`: what has begun ends, everything else is handed out to be skipped, and the closing still runs."""

from dataclasses import replace

import pytest

from headgate.adapters.memory import MemoryClock, MemoryNodeQueue, MemorySlots
from headgate.domain.plan import CLOSING, COMMAND, OPENING, Engine
from headgate.domain.queue import Claim
from headgate.domain.results import NodeStatus
from headgate.usecases.run_nodes import HALT_SECONDS, Idle, Over
from tests.plans import plan_of, result_of, write
from tests.sessions import begun, built, claimed, run_to_the_end

PARENTS = {"a": (), "b": (), "c": ("b",), "d": ("a", "c"), "e": ()}


@pytest.fixture
def clock() -> MemoryClock:
    return MemoryClock()


@pytest.fixture
def queue() -> MemoryNodeQueue:
    return MemoryNodeQueue()


def test_what_has_not_begun_is_skipped_and_what_has_ends(queue: MemoryNodeQueue, clock: MemoryClock) -> None:
    plan = write(queue, plan_of(PARENTS))
    one, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    built(one)
    assert [claimed(one), claimed(one)] == ["a", "b"]
    one.finish("a", result_of("a", NodeStatus.ERROR))
    one.fail_fast("a")
    assert one.next() == Claim("e", skip=True, attempt=1)
    one.finish("e", result_of("e", NodeStatus.SKIPPED))
    assert one.next() == Idle(), "b is still being built"
    clock.advance(HALT_SECONDS)
    one.finish("b", result_of("b"))
    assert other.next() == Claim("c", skip=True, attempt=1)
    other.finish("c", result_of("c", NodeStatus.SKIPPED, runner=2))
    assert run_to_the_end(other, one) == ["d", CLOSING]
    found = {result.unique_id: result.status.value for result in queue.results(7, 1)}
    assert found == {"a": "error", "b": "success", "c": "skipped", "d": "skipped", "e": "skipped"}


def test_the_steps_own_nodes_are_not_skipped(queue: MemoryNodeQueue, clock: MemoryClock) -> None:
    plan = write(queue, plan_of({"a": ()}))
    session = begun(queue, clock, plan, 1)
    session.fail_fast("a")
    assert session.next() == Claim(OPENING, skip=False, attempt=1)
    session.finish(OPENING, None)
    assert session.next() == Claim("a", skip=True, attempt=1)
    session.finish("a", result_of("a", NodeStatus.SKIPPED))
    assert session.next() == Claim(CLOSING, skip=False, attempt=1)


def test_the_first_failure_is_the_one_that_counts(queue: MemoryNodeQueue, clock: MemoryClock) -> None:
    session = begun(queue, clock, write(queue, plan_of()), 1)
    session.fail_fast("b")
    session.fail_fast("c")
    step = queue.step(7, 1)
    assert step is not None
    assert step.failed_fast == "b"


def test_another_runner_hears_of_it_within_its_time(queue: MemoryNodeQueue, clock: MemoryClock) -> None:
    plan = write(queue, plan_of({"a": (), "b": (), "c": (), "e": ()}))
    one, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    built(one)
    claimed(other)
    one.fail_fast("a")
    clock.advance(HALT_SECONDS)
    answer = other.next()
    assert isinstance(answer, Claim)
    assert answer.skip


def test_what_is_only_skipped_needs_no_place(queue: MemoryNodeQueue, clock: MemoryClock) -> None:
    plan, slots = plan_of({"a": (), "b": ()}), MemorySlots()
    placed = tuple(replace(node, pools=("wh",)) for node in plan.nodes)
    plan = write(queue, replace(plan, nodes=placed, pools={"wh": 1}))
    session = begun(queue, clock, plan, 1, slots)
    built(session)
    assert claimed(session) == "a"
    assert isinstance(session.next(), Idle)
    session.fail_fast("a")
    assert session.next() == Claim("b", skip=True, attempt=1)
    session.finish("b", result_of("b", NodeStatus.SKIPPED))
    assert len(slots.holders("production", "wh")) == 1


def test_a_halt_is_stronger(queue: MemoryNodeQueue, clock: MemoryClock) -> None:
    session = begun(queue, clock, write(queue, plan_of()), 1)
    session.fail_fast("a")
    session.halt("the database is down")
    assert session.next() == Over("the database is down")


def test_a_step_that_is_one_command_is_one_turn_of_one_runner(
    queue: MemoryNodeQueue, clock: MemoryClock
) -> None:
    plan = write(queue, replace(plan_of(), engine=Engine.COMMAND))
    one, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    assert one.next() == Claim(COMMAND, skip=False, attempt=1)
    assert other.next() == Idle()
    queue.record(7, 1, result_of("a"), "now")
    one.finish(COMMAND, result_of(COMMAND))
    assert (one.next(), other.next()) == (Over(), Over())


def test_a_commands_turn_is_taken_over_and_uncertain(queue: MemoryNodeQueue, clock: MemoryClock) -> None:
    plan = write(queue, replace(plan_of({}), engine=Engine.COMMAND))
    assert claimed(begun(queue, clock, plan, 1)) == COMMAND
    again = begun(queue, clock, plan, 1)
    assert again.next() == Claim(COMMAND, skip=False, attempt=2, uncertain=True)


def test_a_command_is_not_skipped(queue: MemoryNodeQueue, clock: MemoryClock) -> None:
    plan = write(queue, replace(plan_of({}), engine=Engine.COMMAND))
    session = begun(queue, clock, plan, 1)
    session.fail_fast("a")
    assert session.next() == Claim(COMMAND, skip=False, attempt=1)


def test_what_stays_is_what_was_not_named(queue: MemoryNodeQueue, clock: MemoryClock) -> None:
    plan = write(queue, plan_of({"a": (), "b": (), "c": ()}))
    leaving, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    built(leaving)
    assert sorted(claimed(leaving) for _ in range(3)) == ["a", "b", "c"]
    assert leaving.hand_back(["a", "c", "nobody"]) == ["a", "c"]
    assert leaving.hand_back(["a"]) == []
    leaving.finish("b", result_of("b"))
    assert {claimed(other), claimed(other)} == {"a", "c"}
    assert leaving.hand_back() == []
