"""One sweep makes the queue agree with its records, whatever its waiting sets hold; and live runners lose nothing."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.adapters.memory import MemoryNodeQueue
from headgate.domain.plan import CLOSING, COMMAND, OPENING, Engine, Plan
from headgate.domain.queue import NodeRecord, NodeState, unfinished_parents
from headgate.domain.results import NodeStatus
from headgate.usecases.repair_queue import repair_queue
from tests.plans import plan_of, result_of, write

KEY = (7, 1)
WAITING, READY, RUNNING, DONE = NodeState.WAITING, NodeState.READY, NodeState.RUNNING, NodeState.DONE
PARENTS = {
    "a": (),
    "b": (),
    "c": ("a",),
    "d": ("a", "b"),
    "e": ("c", "d"),
    "f": ("b",),
    "g": ("e", "f", "a"),
}


class Interfering(MemoryNodeQueue):
    """A queue in which something happens right after a sweep's looks, one thing for each."""

    def __init__(self) -> None:
        super().__init__()
        self.after_look: list[Any] = []
        self.looks = 0

    def nodes(self, run_id: int, step: int) -> list[NodeRecord]:
        found = super().nodes(run_id, step)
        self.looks += 1
        if self.after_look:
            self.after_look.pop(0)()
        return found


def end(queue: MemoryNodeQueue, plan: Plan, node: str, status: NodeStatus = NodeStatus.SUCCESS) -> None:
    """Claim and finish, without releasing anybody."""
    assert queue.claim(*KEY, node, runner=1, epoch=1, at="then")
    result = None if node == OPENING else result_of(node, status)
    assert queue.finish(*KEY, node, result, runner=1, epoch=1, at="later")


def let_go(queue: MemoryNodeQueue, plan: Plan, node: str, *, skip: bool = False) -> None:
    for child in plan.children.get(node, ()):
        queue.release(*KEY, child, plan.positions[node], skip=skip)


def records(queue: MemoryNodeQueue) -> dict[str, NodeRecord]:
    return {node.unique_id: node for node in queue.nodes(*KEY)}


def spoil(queue: MemoryNodeQueue, unique_id: str, **changes: Any) -> None:
    queue._set(KEY, replace(queue._nodes[KEY][unique_id], **changes))


def some_way(queue: MemoryNodeQueue, plan: Plan, random: Random) -> dict[str, NodeStatus]:
    """Build part of the plan as runners would; the statuses of what ended."""
    ended = {}
    for _ in range(random.randint(0, len(plan.nodes) + 1)):
        ready = [node for node, state in queue.open_nodes(*KEY) if state is READY]
        if not ready:
            break
        node = random.choice(ready)
        if random.random() < 0.2:
            queue.claim(*KEY, node, runner=1, epoch=1, at="then")
            continue
        record = records(queue)[node]
        ended[node] = random.choice([NodeStatus.SUCCESS, NodeStatus.ERROR])
        ended[node] = NodeStatus.SKIPPED if record.skip else ended[node]
        end(queue, plan, node, ended[node])
        let_go(queue, plan, node, skip=node != OPENING and result_of(node, ended[node]).blocks_children)
    return ended


positions = st.frozensets(st.integers(-1, len(PARENTS) + 3), max_size=5)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_random_waiting_sets_are_right_after_one_sweep(seed: int, data: st.DataObject) -> None:
    queue, random = MemoryNodeQueue(), Random(seed)
    plan = write(queue, plan_of(PARENTS))
    some_way(queue, plan, random)
    right = records(queue)
    if all(node.state is DONE for node in right.values() if node.unique_id != CLOSING):
        # Nothing is left but the closing, which may be ready or wait.
        right.pop(CLOSING)
    for node in right.values():
        if node.state in (WAITING, READY) and data.draw(st.booleans(), label=f"spoil {node.unique_id}"):
            state = data.draw(st.sampled_from([WAITING, READY]))
            waits = data.draw(positions) if state is WAITING else frozenset()
            spoil(queue, node.unique_id, waits=waits, state=state)
    repair_queue(queue, plan, {})
    assert records(queue).items() >= right.items()
    assert repair_queue(queue, plan, {}) == []


@pytest.mark.parametrize("failed", [True, False])
@pytest.mark.parametrize("waits", [frozenset(), frozenset({1}), frozenset({4, 9, 99}), frozenset({1, 2, 5})])
def test_a_node_whose_parents_are_all_done_becomes_ready_with_their_mark(
    waits: frozenset[int], failed: bool
) -> None:
    queue = MemoryNodeQueue()
    plan = write(queue, plan_of(PARENTS))
    end(queue, plan, OPENING)
    let_go(queue, plan, OPENING)
    end(queue, plan, "a", NodeStatus.ERROR if failed else NodeStatus.SUCCESS)
    end(queue, plan, "b")
    spoil(queue, "d", waits=waits)
    assert "d" in repair_queue(queue, plan, {})
    assert (records(queue)["d"].state, records(queue)["d"].skip) == (READY, failed)


def test_a_strangers_failure_skips_nobody() -> None:
    queue = MemoryNodeQueue()
    plan = write(queue, plan_of(PARENTS))
    end(queue, plan, OPENING)
    let_go(queue, plan, OPENING)
    end(queue, plan, "b", NodeStatus.ERROR)
    end(queue, plan, "a")
    spoil(queue, "c", waits=frozenset({1, 2}))
    repair_queue(queue, plan, {})
    assert (records(queue)["c"].state, records(queue)["c"].skip) == (READY, False)


def test_the_closing_waits_again_while_something_is_open() -> None:
    queue = MemoryNodeQueue()
    plan = write(queue, plan_of())
    spoil(queue, CLOSING, state=READY, waits=frozenset())
    assert repair_queue(queue, plan, {}) == [CLOSING]
    assert (records(queue)[CLOSING].state, records(queue)[CLOSING].waits) == (WAITING, {-1})


def test_a_closing_whose_time_has_come_is_left_alone() -> None:
    for state, waits in ((READY, frozenset[int]()), (WAITING, frozenset({-1}))):
        queue = MemoryNodeQueue()
        plan = write(queue, plan_of({"a": ()}))
        for node in (OPENING, "a"):
            end(queue, plan, node)
            let_go(queue, plan, node)
        spoil(queue, CLOSING, state=state, waits=waits)
        assert repair_queue(queue, plan, {}) == []
        assert records(queue)[CLOSING].state is state


def test_a_command_that_waits_for_nothing_becomes_ready() -> None:
    queue = MemoryNodeQueue()
    plan = write(queue, replace(plan_of(), engine=Engine.COMMAND))
    assert repair_queue(queue, plan, {}) == []
    spoil(queue, COMMAND, state=WAITING, waits=frozenset({3}))
    assert repair_queue(queue, plan, {}) == [COMMAND]
    assert records(queue)[COMMAND].state is READY


def test_a_release_that_comes_between_two_looks_is_no_fault() -> None:
    """The records are read in several requests: a child may be read after its release, its parent before its end."""
    queue = Interfering()
    plan = write(queue, plan_of(PARENTS))
    end(queue, plan, OPENING)
    let_go(queue, plan, OPENING)
    # As the first look shows it: the child without this parent, the parent not done.
    spoil(queue, "c", waits=frozenset(), state=READY)
    queue.after_look = [lambda: end(queue, plan, "a")]
    assert repair_queue(queue, plan, {}) == ["d", "g"], "only the releases that were not sent yet"
    assert records(queue)["c"].state is READY


def test_an_end_that_comes_while_a_set_is_corrected_is_not_lost() -> None:
    queue = Interfering()
    plan = write(queue, plan_of(PARENTS))
    end(queue, plan, OPENING)
    let_go(queue, plan, OPENING)
    spoil(queue, "d", waits=frozenset({2}))

    def finish_and_release() -> None:
        end(queue, plan, "a")
        let_go(queue, plan, "a")

    queue.after_look = [lambda: None, finish_and_release]
    repair_queue(queue, plan, {})
    assert records(queue)["d"].waits == {2}
    assert records(queue)["c"].state is READY


def test_a_claim_that_comes_before_the_correction_wins() -> None:
    queue = Interfering()
    plan = write(queue, plan_of(PARENTS))
    spoil(queue, "c", waits=frozenset(), state=READY)
    queue.after_look = [lambda: None, lambda: queue.claim(*KEY, "c", runner=1, epoch=1, at="now")]
    assert repair_queue(queue, plan, {}) == []
    assert records(queue)["c"].state is RUNNING


def test_a_healthy_queue_is_looked_at_once() -> None:
    queue = Interfering()
    plan = write(queue, plan_of(PARENTS))
    some_way(queue, plan, Random(5))
    queue.looks = 0
    assert repair_queue(queue, plan, {}) == []
    assert queue.looks == 1


def test_only_void_claims_go_back_and_are_uncertain_then() -> None:
    queue = MemoryNodeQueue()
    plan = write(queue, plan_of({"a": (), "b": (), "c": ()}))
    end(queue, plan, OPENING)
    let_go(queue, plan, OPENING)
    for node, runner, epoch in (("a", 1, 1), ("b", 1, 2), ("c", 2, 1)):
        queue.claim(*KEY, node, runner=runner, epoch=epoch, at="now")
    assert repair_queue(queue, plan, {1: 2}) == ["a"]
    found = records(queue)
    assert [(found[node].state, found[node].uncertain) for node in "abc"] == [
        (READY, True),
        (RUNNING, False),
        (RUNNING, False),
    ]


def test_what_should_be_waited_for_follows_from_plan_and_ends() -> None:
    queue = MemoryNodeQueue()
    plan = write(queue, plan_of(PARENTS))
    end(queue, plan, OPENING)
    spoil(queue, "a", state=DONE)
    due = unfinished_parents(plan, queue.nodes(*KEY))
    assert {node: set(waits) for node, waits in due.items()} == {
        OPENING: set(),
        "a": set(),
        "b": set(),
        "c": set(),
        "d": {2},
        "e": {3, 4},
        "f": {2},
        "g": {5, 6},
        CLOSING: {-1},
    }
