"""One runner's share of a step, on the queue in memory and a clock that moves when it is told to."""

from dataclasses import replace

import pytest

from headgate.adapters.memory import MemoryClock, MemoryNodeQueue
from headgate.domain.plan import CLOSING, OPENING, Plan
from headgate.domain.queue import FENCE_SECONDS, LEASE_SECONDS, MARGIN_SECONDS, Claim, NodeState, StepRecord
from headgate.domain.results import NodeStatus
from headgate.errors import LeaseLostError
from headgate.usecases.repair_queue import repair_queue
from headgate.usecases.run_nodes import HALT_SECONDS, STALLED_SECONDS, SWEEP_SECONDS, Idle, Over
from tests.plans import DIAMOND, plan_of, result_of, write
from tests.sessions import begun, built, claimed, run_to_the_end, survive

LOST_AFTER = LEASE_SECONDS + MARGIN_SECONDS + SWEEP_SECONDS + 1


class Ledger(MemoryNodeQueue):
    """The queue in memory, counting what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def step(self, run_id: int, step: int) -> StepRecord | None:
        self.asked.append("step")
        return super().step(run_id, step)

    def open_nodes(
        self, run_id: int, step: int, *, limit: int | None = None, consistent: bool = False
    ) -> list[tuple[str, NodeState]]:
        self.asked.append("all open nodes" if consistent else "open nodes")
        return super().open_nodes(run_id, step, limit=limit, consistent=consistent)


class Forgetful(MemoryNodeQueue):
    """A queue whose runner dies right before it releases `child`."""

    child = ""

    def release(
        self, run_id: int, step: int, unique_id: str, parent: int, *, skip: bool, sole: bool = False
    ) -> bool:
        if unique_id == self.child:
            raise ConnectionAbortedError(unique_id)
        return super().release(run_id, step, unique_id, parent, skip=skip, sole=sole)


class Lagging(MemoryNodeQueue):
    """A queue whose index does not show the latest writes yet."""

    hidden = False

    def open_nodes(
        self, run_id: int, step: int, *, limit: int | None = None, consistent: bool = False
    ) -> list[tuple[str, NodeState]]:
        if self.hidden and not consistent:
            return []
        return super().open_nodes(run_id, step, limit=limit, consistent=consistent)


@pytest.fixture
def clock() -> MemoryClock:
    return MemoryClock()


@pytest.fixture
def queue() -> Ledger:
    return Ledger()


def states(queue: MemoryNodeQueue, plan: Plan) -> dict[str, NodeState]:
    return {node.unique_id: node.state for node in queue.nodes(plan.run_id, plan.step)}


def test_one_runner_builds_a_diamond_in_order_between_opening_and_closing(
    queue: Ledger, clock: MemoryClock
) -> None:
    session = begun(queue, clock, write(queue, plan_of()), 1)
    assert run_to_the_end(session) == [OPENING, "a", "b", "c", "d", CLOSING]
    assert isinstance(session.next(), Over)


def test_two_runners_build_every_node_once(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of({str(n): (str(n - 1),) if n % 5 else () for n in range(40)}))
    order = run_to_the_end(begun(queue, clock, plan, 1), begun(queue, clock, plan, 2))
    assert sorted(order) == sorted([OPENING, CLOSING, *plan.positions.keys() - {OPENING}])
    assert order[0] == OPENING
    assert order[-1] == CLOSING
    assert all(node.claims == 1 for node in queue.nodes(7, 1))


def test_nothing_starts_before_the_opening_is_done(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of())
    first, second = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    assert claimed(first) == OPENING
    assert isinstance(second.next(), Idle)
    first.finish(OPENING, None)
    assert claimed(second) == "a"


def test_the_most_urgent_child_is_claimed_first_whoever_released_it(
    queue: Ledger, clock: MemoryClock
) -> None:
    plan = write(
        queue, plan_of({"slow": (), "fast": (), "slower": ()}, priorities={"fast": 1, "slow": 5, "slower": 9})
    )
    session = begun(queue, clock, plan, 1)
    built(session)
    assert [built(session) for _ in range(3)] == ["slower", "slow", "fast"]


def test_a_failure_skips_everything_below_and_nothing_else(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of({**DIAMOND, "other": ()}))
    run_to_the_end(begun(queue, clock, plan, 1), begun(queue, clock, plan, 2), failing=frozenset({"b"}))
    found = {result.unique_id: result.status.value for result in queue.results(7, 1)}
    assert found == {"a": "success", "b": "error", "c": "success", "d": "skipped", "other": "success"}


def test_a_warning_skips_nothing(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of({"a": (), "b": ("a",)}))
    session = begun(queue, clock, plan, 1)
    built(session)
    assert built(session, NodeStatus.WARN) == "a"
    assert session.next() == Claim("b", skip=False, attempt=1)


def test_attached_results_are_recorded_with_their_node(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of({"a": ()}, unit_tests={"a": ("unit_test.shop.a",)}))
    session = begun(queue, clock, plan, 1)
    claimed(session)
    session.finish(OPENING, None, [result_of("operation.shop.hook")])
    claimed(session)
    session.finish("a", result_of("a"), [result_of("unit_test.shop.a", NodeStatus.PASS)])
    assert built(session) == CLOSING
    assert isinstance(session.next(), Over)
    assert [result.unique_id for result in queue.results(7, 1)] == [
        "a",
        "unit_test.shop.a",
        "operation.shop.hook",
    ]


def test_the_closing_is_claimed_once_and_the_others_wait_for_it(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of({"a": ()}))
    first, second = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    built(first)
    built(first)
    assert claimed(second) == CLOSING
    queue.asked.clear()
    assert [first.next() for _ in range(3)] == [Idle(), Idle(), Idle()]
    assert "all open nodes" not in queue.asked
    second.finish(CLOSING, None)
    assert first.next() == Over()


def test_a_runner_that_closes_and_is_lost_is_taken_over(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of({"a": ()}))
    first, second = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    built(first)
    built(first)
    assert claimed(first) == CLOSING
    survive(second, clock)
    assert isinstance(second.next(), Idle)
    assert built(second) == CLOSING
    assert second.next() == Over()


def test_an_index_that_lags_ends_nothing_early(clock: MemoryClock) -> None:
    queue = Lagging()
    plan = write(queue, plan_of({"a": ()}))
    session, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    built(session)
    queue.hidden = True
    assert isinstance(other.next(), Idle)
    assert states(queue, plan) == {OPENING: NodeState.DONE, "a": NodeState.READY, CLOSING: NodeState.WAITING}
    queue.hidden = False
    assert run_to_the_end(session, other) == ["a", CLOSING]


def test_a_lost_runners_claim_is_built_by_another_and_its_late_result_refused(
    queue: Ledger, clock: MemoryClock
) -> None:
    plan = write(queue, plan_of())
    lost, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    built(lost)
    assert claimed(lost) == "a"
    survive(other, clock)
    assert isinstance(other.next(), Idle)
    assert other.next() == Claim("a", skip=False, attempt=2, uncertain=True)
    with pytest.raises(LeaseLostError):
        lost.finish("a", result_of("a", NodeStatus.ERROR))
    with pytest.raises(LeaseLostError):
        lost.renew()
    with pytest.raises(LeaseLostError):
        lost.next()
    other.finish("a", result_of("a", runner=2))
    assert run_to_the_end(other) == ["b", "c", "d", CLOSING]
    assert {result.unique_id: result.runner for result in queue.results(7, 1)}["a"] == 2


def test_a_lease_that_is_only_just_over_is_left_alone(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of())
    slow, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    assert claimed(slow) == OPENING
    clock.advance(LEASE_SECONDS - FENCE_SECONDS - 1)
    other.renew()
    clock.advance(FENCE_SECONDS + MARGIN_SECONDS)
    assert isinstance(other.next(), Idle)
    assert states(queue, plan)[OPENING] is NodeState.RUNNING
    assert not queue.runners(7, 1)[0].ended


def test_a_restarted_runner_takes_back_what_its_dead_attempt_held(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of())
    dead = begun(queue, clock, plan, 1)
    built(dead)
    assert claimed(dead) == "a"
    again = begun(queue, clock, plan, 1)
    assert again.epoch == 2
    assert again.next() == Claim("a", skip=False, attempt=2, uncertain=True)
    with pytest.raises(LeaseLostError):
        dead.finish("a", result_of("a"))


def test_a_takeover_that_died_half_way_is_completed_by_the_next_runner(
    queue: Ledger, clock: MemoryClock
) -> None:
    plan = write(queue, plan_of(runners=3))
    lost, last = begun(queue, clock, plan, 1), begun(queue, clock, plan, 3)
    assert claimed(lost) == OPENING
    survive(last, clock)
    # Runner 2 expired the lease, and died before it handed the opening back.
    assert queue.expire_lease(7, 1, queue.runners(7, 1)[0])
    assert isinstance(last.next(), Idle)
    assert last.next() == Claim(OPENING, skip=False, attempt=2, uncertain=True)


def test_what_a_runner_held_when_it_ended_is_built_by_another(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of())
    ended, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    assert claimed(ended) == OPENING
    ended.end("stopped before it could hand anything back")
    clock.advance(SWEEP_SECONDS)
    assert isinstance(other.next(), Idle)
    assert built(other) == OPENING


def test_a_claim_made_after_the_takeover_is_void_as_well(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of())
    paused, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    survive(other, clock)
    assert queue.expire_lease(7, 1, queue.runners(7, 1)[0])
    # The machine under runner 1 stood still between looking at its clock and writing.
    assert queue.claim(7, 1, OPENING, runner=1, epoch=paused.epoch, at="late")
    assert isinstance(other.next(), Idle)
    assert built(other) == OPENING


def test_a_release_lost_with_its_runner_is_replayed(clock: MemoryClock) -> None:
    queue = Forgetful()
    plan = write(queue, plan_of())
    dead = begun(queue, clock, plan, 1)
    built(dead)
    queue.child = "c"
    assert claimed(dead) == "a"
    with pytest.raises(ConnectionAbortedError):
        dead.finish("a", result_of("a", NodeStatus.ERROR))
    queue.child = ""
    assert states(queue, plan)["c"] is NodeState.WAITING
    again = begun(queue, clock, plan, 1)
    assert run_to_the_end(again) == ["b", "c", "d", CLOSING]
    assert {result.status.value for result in queue.results(7, 1)} == {"error", "skipped"}


def test_a_release_that_died_between_its_two_writes_is_completed(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of())
    dead = begun(queue, clock, plan, 1)
    built(dead)
    built(dead)
    # What DynamoDB holds between the write that empties the waiting set and the one that makes the node ready.
    queue._set((7, 1), replace(queue._nodes[7, 1]["b"], state=NodeState.WAITING, waits=frozenset()))
    again = begun(queue, clock, plan, 1)
    assert sorted(run_to_the_end(again)[:2]) == ["b", "c"]


def test_a_record_that_lands_after_the_takeover_had_looked_stalls_nothing(
    queue: Ledger, clock: MemoryClock
) -> None:
    plan = write(queue, plan_of())
    dead, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    built(dead)
    assert claimed(dead) == "a"
    # The runner was killed, its last write was under way: it is done, and nobody will ever release its children.
    assert queue.finish(7, 1, "a", result_of("a"), runner=1, epoch=dead.epoch, at="now")
    assert isinstance(other.next(), Idle)
    clock.advance(STALLED_SECONDS)
    assert isinstance(other.next(), Idle)
    assert sorted(run_to_the_end(other)) == ["b", "c", "d", CLOSING]


def test_repair_changes_nothing_where_nothing_is_wrong(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of())
    session = begun(queue, clock, plan, 1)
    built(session)
    built(session)
    claimed(session)
    before = queue.nodes(7, 1)
    repair_queue(queue, plan, {})
    repair_queue(queue, plan, {1: session.epoch, 9: 4})
    assert queue.nodes(7, 1) == before


def test_a_hooks_result_never_opens_the_closing(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of())
    begun(queue, clock, plan, 1)
    queue.record(7, 1, result_of("operation.shop.hook"), "now")
    repair_queue(queue, plan, {})
    assert states(queue, plan)[CLOSING] is NodeState.WAITING


def test_what_is_handed_back_is_built_by_another_runner(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of())
    leaving, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    built(leaving)
    built(leaving)
    held = [claimed(leaving), claimed(leaving)]
    leaving.finish(held[0], result_of(held[0]))
    assert leaving.hand_back() == [held[1]]
    assert leaving.hand_back() == []
    leaving.end()
    assert other.next() == Claim(held[1], skip=False, attempt=2)


def test_a_halted_step_hands_out_nothing_more(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of())
    first, second = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    built(first)
    built(first)
    first.halt("the database is down")
    second.halt("a later reason")
    assert first.next() == Over("the database is down")
    assert second.next() == Over("the database is down")
    assert states(queue, plan)["b"] is NodeState.READY


def test_another_runners_halt_is_seen_within_its_time(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of({str(n): () for n in range(9)}))
    first, second = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    built(first)
    claimed(second)
    first.halt("the database is down")
    clock.advance(HALT_SECONDS)
    assert second.next() == Over("the database is down")


def test_an_idle_runner_asks_little(queue: Ledger, clock: MemoryClock) -> None:
    plan = write(queue, plan_of())
    busy, idle = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    claimed(busy)
    idle.next()
    queue.asked.clear()
    assert [idle.next() for _ in range(5)] == [Idle()] * 5
    assert queue.asked == ["open nodes"] * 5


def test_a_runner_without_a_lease_claims_nothing(queue: Ledger, clock: MemoryClock) -> None:
    session = begun(queue, clock, write(queue, plan_of()), 1)
    clock.advance(LEASE_SECONDS + 1)
    with pytest.raises(LeaseLostError):
        session.next()
    with pytest.raises(LeaseLostError):
        session.renew()


def test_the_end_of_a_lease_says_why(queue: Ledger, clock: MemoryClock) -> None:
    session = begun(queue, clock, write(queue, plan_of()), 1)
    session.end("profile not found")
    (record,) = queue.runners(7, 1)
    assert (record.ended, record.error) == (True, "profile not found")
