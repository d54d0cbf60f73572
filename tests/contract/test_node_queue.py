"""NodeQueue: every primitive is one conditional write; the first counts, and repeating it changes nothing."""

from dataclasses import replace
from typing import Any

import pytest

from headgate.domain.plan import CLOSING, COMMAND, OPENING, Engine
from headgate.domain.queue import UNPLANNED, NodeRecord, NodeState, RunnerRecord
from headgate.domain.results import NodeStatus
from headgate.ports import NodeQueue
from tests.plans import DIAMOND, plan_of, result_of, reusing, write

STEP = (7, 1)
READY, RUNNING, WAITING, DONE = NodeState.READY, NodeState.RUNNING, NodeState.WAITING, NodeState.DONE


@pytest.fixture
def queue(world: Any) -> NodeQueue:
    write(world.queue, plan_of(unit_tests={"a": ("unit_test.shop.a",)}))
    return world.queue  # type: ignore[no-any-return]


def node(queue: NodeQueue, unique_id: str) -> NodeRecord:
    (found,) = [record for record in queue.nodes(*STEP) if record.unique_id == unique_id]
    return found


def claim(queue: NodeQueue, unique_id: str, runner: int = 1, epoch: int = 1) -> NodeRecord | None:
    return queue.claim(*STEP, unique_id, runner=runner, epoch=epoch, at="2026-01-01T00:00:01.000+00:00")


def finish(queue: NodeQueue, unique_id: str, result: Any = None, runner: int = 1, epoch: int = 1) -> bool:
    return queue.finish(
        *STEP, unique_id, result, runner=runner, epoch=epoch, at="2026-01-01T00:00:09.000+00:00"
    )


def test_a_step_is_written_with_its_opening_ready_and_everything_else_waiting(queue: NodeQueue) -> None:
    step = queue.step(*STEP)
    assert step is not None
    assert (step.run_id, step.step, step.nodes, step.runners, step.halted) == (7, 1, 4, 2, None)
    found = {record.unique_id: (record.position, record.state, record.waits) for record in queue.nodes(*STEP)}
    assert found == {
        OPENING: (0, READY, frozenset()),
        "a": (1, WAITING, {0}),
        "b": (2, WAITING, {1}),
        "c": (3, WAITING, {1}),
        "d": (4, WAITING, {2, 3}),
        CLOSING: (5, WAITING, {-1}),
        "unit_test.shop.a": (6, NodeState.ATTACHED, frozenset()),
    }
    assert list(found) == [OPENING, "a", "b", "c", "d", CLOSING, "unit_test.shop.a"]


def test_a_reused_node_is_done_with_its_whole_result_and_nobody_can_claim_it(world: Any) -> None:
    queue = world.queue
    plan = write(queue, reusing(plan_of(), "a", "b"))
    found = {record.unique_id: record for record in queue.nodes(*STEP)}
    assert (found["a"].state, found["c"].waits, found["d"].waits) == (DONE, {0}, {3})
    assert found["a"].result is not None
    assert (found["a"].runner, found["a"].result.status) == (None, NodeStatus.REUSED)
    results = {result.unique_id: result for result in queue.results(*STEP)}
    assert results.keys() == {"a", "b"}
    assert results["a"].entry["message"] == plan.nodes[0].decision.sentence
    assert results["a"].entry["adapter_response"] == {}
    assert "a" not in dict(queue.open_nodes(*STEP))
    assert claim(queue, "a") is None
    assert not queue.release(*STEP, "a", 0, skip=True)


class TestRevive:
    """What was planned as reused may get a turn after all, as long as the step is being opened."""

    @pytest.fixture
    def queue(self, world: Any) -> NodeQueue:
        write(world.queue, reusing(plan_of(unit_tests={"a": ("unit_test.shop.a",)}), "a", "b"))
        return world.queue  # type: ignore[no-any-return]

    def test_it_waits_for_the_opening_without_a_result(self, queue: NodeQueue) -> None:
        claim(queue, OPENING)
        assert queue.revive(*STEP, "a", 4.0, runner=1, epoch=1)
        found = node(queue, "a")
        assert (found.state, found.waits, found.result, found.priority) == (WAITING, {0}, None, 4.0)
        assert "a" not in {result.unique_id for result in queue.results(*STEP)}
        assert ("a", WAITING) in queue.open_nodes(*STEP)

    def test_then_it_is_released_claimed_and_finished_like_any_other(self, queue: NodeQueue) -> None:
        claim(queue, OPENING)
        queue.revive(*STEP, "a", 4.0, runner=1, epoch=1)
        assert queue.release(*STEP, "a", 0, skip=False)
        assert queue.open_nodes(*STEP, limit=1) == [("a", READY)]
        assert claim(queue, "a") is not None
        assert finish(queue, "a", result_of("a"))
        assert node(queue, "a").result is not None
        assert not queue.revive(*STEP, "a", 4.0, runner=1, epoch=1)

    def test_twice_changes_nothing(self, queue: NodeQueue) -> None:
        claim(queue, OPENING)
        queue.revive(*STEP, "a", 4.0, runner=1, epoch=1)
        before = node(queue, "a")
        assert not queue.revive(*STEP, "a", 4.0, runner=1, epoch=1)
        assert node(queue, "a") == before

    @pytest.mark.parametrize("owner", [{"runner": 2, "epoch": 1}, {"runner": 1, "epoch": 2}])
    def test_only_whoever_opens_the_step_may(self, queue: NodeQueue, owner: dict[str, int]) -> None:
        assert not queue.revive(*STEP, "a", 4.0, runner=1, epoch=1)
        claim(queue, OPENING)
        assert not queue.revive(*STEP, "a", 4.0, **owner)
        finish(queue, OPENING)
        assert not queue.revive(*STEP, "a", 4.0, runner=1, epoch=1)
        assert node(queue, "a").state is DONE


def test_steps_and_runs_are_apart(world: Any, queue: NodeQueue) -> None:
    write(queue, plan_of({"x": ()}, step=2))
    write(queue, plan_of({"y": ()}, run_id=70))
    assert queue.step(7, 3) is None
    assert {record.unique_id for record in queue.nodes(7, 2)} == {OPENING, "x", CLOSING}
    assert [unique_id for unique_id, _ in queue.open_nodes(70, 1)] == [OPENING, CLOSING, "y"]
    assert len(queue.open_nodes(*STEP)) == 6
    queue.take_lease(7, 2, 1, 1.0)
    assert queue.runners(*STEP) == []


def test_writing_a_step_again_changes_nothing(queue: NodeQueue) -> None:
    claim(queue, OPENING)
    before = queue.nodes(*STEP)
    write(queue, plan_of())
    assert queue.nodes(*STEP) == before


def test_open_nodes_come_ready_first_and_most_urgent_first(world: Any) -> None:
    queue = world.queue
    urgent = {"low": 0.0625, "high": 950.5, "middle": 99.5, "twin": 99.5, "zero": 0.0}
    write(queue, plan_of(dict.fromkeys(("low", "zero", "high", "twin", "middle"), ()), priorities=urgent))
    for name in urgent:
        queue.release(*STEP, name, 0, skip=False)
    claim(queue, OPENING)
    order = ["high", "middle", "twin", "low", "zero"]
    assert queue.open_nodes(*STEP) == [
        *((name, READY) for name in order),
        (OPENING, RUNNING),
        (CLOSING, WAITING),
    ]
    assert queue.open_nodes(*STEP, limit=2) == [("high", READY), ("middle", READY)]
    finish(queue, OPENING)
    claim(queue, "high")
    assert queue.open_nodes(*STEP, limit=3) == [("middle", READY), ("twin", READY), ("low", READY)]


def test_a_consistent_look_shows_the_same_nodes(queue: NodeQueue) -> None:
    claim(queue, OPENING)
    queue.record(*STEP, result_of("unit_test.shop.a"), "now")
    assert sorted(queue.open_nodes(*STEP, consistent=True)) == sorted(queue.open_nodes(*STEP))
    finish(queue, OPENING)
    open_nodes = dict(queue.open_nodes(*STEP, consistent=True))
    assert open_nodes == {"a": WAITING, "b": WAITING, "c": WAITING, "d": WAITING, CLOSING: WAITING}
    assert dict(queue.open_nodes(*STEP)) == open_nodes
    assert len(queue.open_nodes(*STEP, limit=2, consistent=True)) == 2


def test_a_claim_takes_a_ready_node_once(queue: NodeQueue) -> None:
    taken = claim(queue, OPENING, runner=2, epoch=3)
    assert taken is not None
    assert (taken.state, taken.runner, taken.epoch, taken.claims) == (RUNNING, 2, 3, 1)
    assert taken.started_at == "2026-01-01T00:00:01.000+00:00"
    assert claim(queue, OPENING, runner=2, epoch=3) is None
    assert claim(queue, OPENING, runner=1) is None
    assert node(queue, OPENING) == taken


@pytest.mark.parametrize("unique_id", ["a", CLOSING, "unit_test.shop.a", "nobody"])
def test_what_is_not_ready_cannot_be_claimed(queue: NodeQueue, unique_id: str) -> None:
    before = queue.nodes(*STEP)
    assert claim(queue, unique_id) is None
    assert queue.nodes(*STEP) == before


def test_only_its_owner_finishes_a_node_and_the_first_end_counts(queue: NodeQueue) -> None:
    queue.release(*STEP, "a", 0, skip=False)
    assert not finish(queue, "a", result_of("a")), "it is only ready"
    claim(queue, "a", runner=2, epoch=4)
    assert not finish(queue, "a", result_of("a"), runner=1, epoch=4)
    assert not finish(queue, "a", result_of("a"), runner=2, epoch=3)
    assert node(queue, "a").state is RUNNING
    assert finish(queue, "a", result_of("a", runner=2), runner=2, epoch=4)
    before = queue.nodes(*STEP)
    # Its owner may repeat itself, as when an answer is lost; nobody can change what was written.
    assert finish(queue, "a", result_of("a", NodeStatus.ERROR, runner=2), runner=2, epoch=4)
    assert not finish(queue, "a", result_of("a", NodeStatus.ERROR), runner=1, epoch=1)
    assert not finish(queue, "nobody", None)
    assert queue.nodes(*STEP) == before


def test_a_done_node_shows_its_result_in_short_and_in_full(queue: NodeQueue) -> None:
    entry: dict[str, Any] = {
        "timing": [{"name": "execute", "started_at": "a", "completed_at": "b"}],
        "thread_id": "Thread-1",
        "execution_time": 0.125,
        "adapter_response": {"rows_affected": 3, "nested": {"ratio": 0.1}},
        "message": "Got 3 results, " + "é" * 3000,
        "failures": 3,
        "compiled_code": "select 1\n" * 500,
        "batch_results": None,
    }
    result = result_of("a", NodeStatus.FAIL, runner=2, **entry)
    queue.release(*STEP, "a", 0, skip=False)
    claim(queue, "a", runner=2)
    assert finish(queue, "a", result, runner=2)
    assert queue.results(*STEP) == [result]
    short = node(queue, "a").result
    assert short is not None
    assert (short.status, short.runner, short.seconds) == (NodeStatus.FAIL, 2, 0.125)
    assert short.entry == {
        "unique_id": "a",
        "status": "fail",
        "message": result.message[:2000],
        "execution_time": 0.125,
        "failures": 3,
    }
    assert node(queue, "a").finished_at == "2026-01-01T00:00:09.000+00:00"


def test_the_steps_own_nodes_end_without_a_result(queue: NodeQueue) -> None:
    claim(queue, OPENING)
    assert finish(queue, OPENING, None)
    assert (node(queue, OPENING).state, node(queue, OPENING).result) == (DONE, None)
    assert queue.results(*STEP) == []


def test_a_release_counts_each_parent_once_and_the_last_makes_ready(queue: NodeQueue) -> None:
    assert not queue.release(*STEP, "d", 2, skip=False)
    assert not queue.release(*STEP, "d", 2, skip=False)
    assert not queue.release(*STEP, "d", 1, skip=False), "it never waited for that one"
    assert node(queue, "d").waits == {3}
    assert queue.release(*STEP, "d", 3, skip=False)
    assert not queue.release(*STEP, "d", 3, skip=False)
    assert (node(queue, "d").state, node(queue, "d").skip) == (READY, False)


@pytest.mark.parametrize("sole", [True, False])
def test_one_write_or_two_a_release_does_the_same(queue: NodeQueue, sole: bool) -> None:
    assert queue.release(*STEP, "a", 0, skip=True, sole=sole)
    assert not queue.release(*STEP, "a", 0, skip=True, sole=sole)
    assert not queue.release(*STEP, "d", 2, skip=False, sole=sole), "whoever says so may be wrong"
    assert queue.release(*STEP, "d", 3, skip=True, sole=sole)
    assert [(record.unique_id, record.skip) for record in queue.nodes(*STEP) if record.state is READY] == [
        (OPENING, False),
        ("a", True),
        ("d", True),
    ]
    assert queue.open_nodes(*STEP, limit=3) == [(OPENING, READY), ("a", READY), ("d", READY)]


def test_one_skipping_parent_is_enough_and_is_not_forgotten(queue: NodeQueue) -> None:
    queue.release(*STEP, "d", 2, skip=True)
    queue.release(*STEP, "d", 3, skip=False)
    taken = claim(queue, "d")
    assert taken is not None
    assert taken.skip


@pytest.mark.parametrize("state", [READY, RUNNING, DONE])
def test_a_late_release_changes_nothing(queue: NodeQueue, state: NodeState) -> None:
    queue.release(*STEP, "a", 0, skip=False)
    if state is not READY:
        claim(queue, "a")
    if state is DONE:
        finish(queue, "a", result_of("a"))
    before = queue.nodes(*STEP)
    for sole in (True, False):
        assert not queue.release(*STEP, "a", 0, skip=True, sole=sole)
    assert queue.nodes(*STEP) == before
    assert dict(queue.open_nodes(*STEP)).get("a") == (None if state is DONE else state)


def test_what_does_not_exist_cannot_be_released_or_made_ready(queue: NodeQueue) -> None:
    before = queue.nodes(*STEP)
    assert not queue.release(*STEP, "nobody", 0, skip=True)
    assert not queue.make_ready(*STEP, "nobody")
    assert not queue.hand_back(*STEP, "nobody", runner=1, epoch=1)
    assert not queue.halt(7, 9, "no such step")
    assert not queue.renew_lease(*STEP, 9, 1, 1.0)
    assert not queue.end_lease(*STEP, 9, 1, None)
    assert not queue.expire_lease(*STEP, RunnerRecord(9, 1, 1.0))
    assert queue.nodes(*STEP) == before
    assert (queue.step(7, 9), queue.runners(*STEP)) == (None, [])


def test_the_closing_is_made_ready_once(queue: NodeQueue) -> None:
    assert queue.make_ready(*STEP, CLOSING)
    assert not queue.make_ready(*STEP, CLOSING)
    assert claim(queue, CLOSING) is not None
    assert not queue.make_ready(*STEP, CLOSING)
    assert finish(queue, CLOSING)
    assert not queue.make_ready(*STEP, CLOSING)


def test_what_is_handed_back_is_as_ready_as_before_and_counts_its_claims(queue: NodeQueue) -> None:
    before = node(queue, OPENING)
    claim(queue, OPENING, runner=1, epoch=2)
    assert not queue.hand_back(*STEP, OPENING, runner=1, epoch=1)
    assert not queue.hand_back(*STEP, OPENING, runner=2, epoch=2)
    assert queue.hand_back(*STEP, OPENING, runner=1, epoch=2)
    assert not queue.hand_back(*STEP, OPENING, runner=1, epoch=2)
    handed = node(queue, OPENING)
    assert (handed.state, handed.runner, handed.epoch, handed.started_at) == (READY, None, None, None)
    assert handed.claims == before.claims + 1
    assert not finish(queue, OPENING, runner=1, epoch=2)
    assert queue.open_nodes(*STEP, limit=1) == [(OPENING, READY)]
    again = claim(queue, OPENING, runner=2)
    assert again is not None
    assert again.claims == 2


def test_what_came_back_from_a_lost_runner_is_uncertain_ever_after(queue: NodeQueue) -> None:
    claim(queue, OPENING)
    assert queue.hand_back(*STEP, OPENING, runner=1, epoch=1)
    assert not node(queue, OPENING).uncertain
    claim(queue, OPENING)
    assert not queue.hand_back(*STEP, OPENING, runner=1, epoch=2, uncertain=True)
    assert not node(queue, OPENING).uncertain
    assert queue.hand_back(*STEP, OPENING, runner=1, epoch=1, uncertain=True)
    taken = claim(queue, OPENING)
    assert taken is not None
    assert taken.uncertain
    assert queue.hand_back(*STEP, OPENING, runner=1, epoch=1)
    assert node(queue, OPENING).uncertain


@pytest.mark.parametrize(
    ("unique_id", "seen", "waits", "skip"),
    [("d", {2, 3}, {1, 3}, True), ("d", {2, 3}, {2}, False), (OPENING, set(), {3}, False)],
)
def test_a_waiting_set_is_corrected_while_it_is_as_seen(
    queue: NodeQueue, unique_id: str, seen: set[int], waits: set[int], skip: bool
) -> None:
    new = {"waits": frozenset(waits), "skip": skip}
    assert not queue.correct(*STEP, unique_id, seen=frozenset({9}), **new)
    assert queue.correct(*STEP, unique_id, seen=frozenset(seen), **new)
    corrected = node(queue, unique_id)
    assert (corrected.state, corrected.waits, corrected.skip) == (WAITING, waits, skip)
    assert dict(queue.open_nodes(*STEP))[unique_id] is WAITING
    assert not queue.correct(*STEP, unique_id, seen=frozenset(seen), **new)
    for position in waits:
        queue.release(*STEP, unique_id, position, skip=False)
    assert node(queue, unique_id).skip is skip
    assert (unique_id, READY) in queue.open_nodes(*STEP, limit=2)


@pytest.mark.parametrize("state", [RUNNING, DONE])
def test_what_was_claimed_keeps_its_waiting_set(queue: NodeQueue, state: NodeState) -> None:
    claim(queue, OPENING)
    if state is DONE:
        finish(queue, OPENING)
    before = queue.nodes(*STEP)
    for unique_id in (OPENING, "unit_test.shop.a", "nobody"):
        assert not queue.correct(*STEP, unique_id, seen=frozenset(), waits=frozenset({3}), skip=True)
    assert queue.nodes(*STEP) == before


def test_the_first_failure_that_skips_the_rest_stays(queue: NodeQueue) -> None:
    assert queue.fail_fast(*STEP, "a")
    assert not queue.fail_fast(*STEP, "b")
    assert not queue.fail_fast(7, 9, "a")
    step = queue.step(*STEP)
    assert step is not None
    assert (step.failed_fast, step.halted) == ("a", None)
    assert queue.halt(*STEP, "and then the database went down")


def test_a_step_that_is_one_command_has_one_turn(world: Any) -> None:
    queue = world.queue
    unit_tests = {"a": ("unit_test.shop.a",), "b": ("unit_test.shop.b",)}
    write(queue, replace(plan_of({"a": (), "b": ("a",)}, unit_tests=unit_tests), engine=Engine.COMMAND))
    assert queue.open_nodes(*STEP) == [(COMMAND, READY)]
    assert {record.unique_id: (record.position, record.state) for record in queue.nodes(*STEP)} == {
        COMMAND: (0, READY),
        "a": (1, NodeState.ATTACHED),
        "b": (2, NodeState.ATTACHED),
        "unit_test.shop.a": (3, NodeState.ATTACHED),
        "unit_test.shop.b": (4, NodeState.ATTACHED),
    }
    assert claim(queue, COMMAND) is not None
    queue.record(*STEP, result_of("b"), "now")
    queue.record(*STEP, result_of("operation.shop.hook"), "now")
    assert finish(queue, COMMAND, result_of(COMMAND))
    assert queue.open_nodes(*STEP, consistent=True) == []
    assert [result.unique_id for result in queue.results(*STEP)] == [COMMAND, "b", "operation.shop.hook"]


def test_a_command_without_nodes_has_its_turn_all_the_same(world: Any) -> None:
    write(world.queue, replace(plan_of({}), engine=Engine.COMMAND))
    assert world.queue.open_nodes(*STEP) == [(COMMAND, READY)]


def test_attached_and_unplanned_results_are_recorded_once(queue: NodeQueue) -> None:
    first = result_of("unit_test.shop.a", NodeStatus.PASS, runner=2)
    hook = result_of("operation.shop.on-run-start-0", runner=1)
    queue.record(*STEP, hook, "first")
    queue.record(*STEP, first, "first")
    queue.record(*STEP, result_of("unit_test.shop.a", NodeStatus.FAIL), "second")
    assert queue.results(*STEP) == [first, hook]
    assert (node(queue, "unit_test.shop.a").state, node(queue, "unit_test.shop.a").runner) == (DONE, 2)
    assert node(queue, "unit_test.shop.a").finished_at == "first"
    unplanned = node(queue, hook.unique_id)
    assert (unplanned.position, unplanned.resource_type, unplanned.state) == (UNPLANNED, "operation", DONE)
    assert len(queue.open_nodes(*STEP, consistent=True)) == 6


def test_the_last_word_on_a_node_replaces_what_was_said_before(queue: NodeQueue) -> None:
    failed = result_of("unit_test.shop.a", NodeStatus.FAIL, runner=1)
    queue.record(*STEP, replace(failed, entry={**failed.entry, "failures": 3}), "first", last_word=True)
    passed = result_of("unit_test.shop.a", NodeStatus.PASS, runner=1)
    queue.record(*STEP, passed, "second", last_word=True)
    assert queue.results(*STEP) == [passed]
    assert node(queue, "unit_test.shop.a").finished_at == "second"
    assert not (node(queue, "unit_test.shop.a").result or failed).failed


def test_a_result_may_be_recorded_for_a_node_that_waits(queue: NodeQueue) -> None:
    queue.record(*STEP, result_of("a", NodeStatus.SKIPPED), "now")
    assert node(queue, "a").state is DONE
    assert "a" not in dict(queue.open_nodes(*STEP))
    assert not queue.release(*STEP, "a", 0, skip=False)


def test_the_first_reason_to_halt_stays(queue: NodeQueue) -> None:
    assert queue.halt(*STEP, "the database is down")
    assert not queue.halt(*STEP, "another")
    step = queue.step(*STEP)
    assert step is not None
    assert step.halted == "the database is down"


def test_each_lease_of_a_runner_has_a_higher_epoch(queue: NodeQueue) -> None:
    assert [queue.take_lease(*STEP, runner, 100.25) for runner in (1, 1, 2)] == [1, 2, 1]
    assert queue.runners(*STEP) == [RunnerRecord(1, 2, 100.25), RunnerRecord(2, 1, 100.25)]
    assert queue.end_lease(*STEP, 1, 2, "broken")
    assert queue.take_lease(*STEP, 1, 200.0, at=140.5) == 3
    assert queue.runners(*STEP)[0] == RunnerRecord(1, 3, 200.0, ended=False, error=None, taken_at=140.5)


def test_only_the_current_epoch_renews_and_ends_a_lease(queue: NodeQueue) -> None:
    queue.take_lease(*STEP, 1, 10.0)
    queue.take_lease(*STEP, 1, 20.0)
    assert not queue.renew_lease(*STEP, 1, 1, 99.0)
    assert not queue.end_lease(*STEP, 1, 1, "old")
    assert queue.renew_lease(*STEP, 1, 2, 30.5)
    assert queue.runners(*STEP) == [RunnerRecord(1, 2, 30.5)]
    assert queue.end_lease(*STEP, 1, 2, None)
    assert not queue.renew_lease(*STEP, 1, 2, 99.0)
    assert queue.runners(*STEP) == [RunnerRecord(1, 2, 30.5, ended=True)]


def test_a_lease_is_expired_once_and_only_as_it_was_seen(queue: NodeQueue) -> None:
    queue.take_lease(*STEP, 1, 1_767_225_660.123456)
    (seen,) = queue.runners(*STEP)
    queue.renew_lease(*STEP, 1, 1, 1_767_225_720.654321)
    assert not queue.expire_lease(*STEP, seen), "it was renewed meanwhile"
    (seen,) = queue.runners(*STEP)
    assert queue.expire_lease(*STEP, seen)
    assert not queue.expire_lease(*STEP, seen)
    assert not queue.renew_lease(*STEP, 1, 1, 99.0)
    (after,) = queue.runners(*STEP)
    assert (after.epoch, after.ended) == (2, True)
    assert not queue.expire_lease(*STEP, after)
    assert queue.take_lease(*STEP, 1, 300.0) == 3


def test_a_step_of_many_nodes_is_written_and_read_whole(world: Any) -> None:
    many = {f"model.shop.m{number:03d}": () for number in range(130)}
    plan = write(world.queue, plan_of({**many, "last": tuple(many)}))
    records = world.queue.nodes(*STEP)
    assert [record.position for record in records] == list(range(133))
    assert records[-2].waits == set(range(1, 131))
    assert len(world.queue.open_nodes(*STEP)) == len(plan.nodes) + 2
    assert DIAMOND.keys() & {record.unique_id for record in records} == set()
