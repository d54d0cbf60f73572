"""Places in pools: taken before the claim, given back after the end, never in the way of other pools' nodes."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.adapters.memory import MemoryClock, MemoryNodeQueue, MemorySlots
from headgate.domain.plan import CLOSING, OPENING, Plan
from headgate.domain.queue import Claim, NodeState, RunnerRecord
from headgate.domain.results import NodeStatus
from headgate.domain.slots import Holder, void_holders
from headgate.errors import UnavailableError
from headgate.usecases.free_slots import free_slots, free_slots_of
from headgate.usecases.hold_places import FULL_SECONDS
from headgate.usecases.run_nodes import SWEEP_SECONDS, Idle, QueueSession
from tests.plans import plan_of, result_of, write
from tests.sessions import begun, built, claimed, run_to_the_end

KEY = (7, 1)
ENVIRONMENT = "production"


class Moody(MemorySlots):
    """Slots that give no answer when told so, after or before doing what they were asked."""

    before = after = ""

    def take(self, environment: str, pool: str, holder: str, limit: int) -> bool:
        self._maybe("take", self.before)
        taken = super().take(environment, pool, holder, limit)
        self._maybe("take", self.after)
        return taken

    def give_back(self, environment: str, pool: str, holders: list[str]) -> None:  # type: ignore[override]
        self._maybe("give_back", self.before)
        super().give_back(environment, pool, holders)
        self._maybe("give_back", self.after)

    def _maybe(self, verb: str, mood: str) -> None:
        if mood == verb:
            raise UnavailableError(verb)


class Counting(MemoryNodeQueue):
    """A queue that notes how far somebody looked."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[int | None] = []

    def open_nodes(
        self, run_id: int, step: int, *, limit: int | None = None, consistent: bool = False
    ) -> list[tuple[str, NodeState]]:
        self.limits.append(limit)
        return super().open_nodes(run_id, step, limit=limit, consistent=consistent)


@pytest.fixture
def clock() -> MemoryClock:
    return MemoryClock()


@pytest.fixture
def queue() -> Counting:
    return Counting()


@pytest.fixture
def slots() -> Moody:
    return Moody()


def pooled(
    nodes: Mapping[str, tuple[str, ...]],
    pools: Mapping[str, int],
    parents: Mapping[str, tuple[str, ...]] | None = None,
    run_id: int = 7,
) -> Plan:
    """A plan of nodes with these pools, the first one the most urgent."""
    plan = plan_of(parents or dict.fromkeys(nodes, ()), run_id=run_id)
    placed = tuple(replace(node, pools=nodes[node.unique_id]) for node in plan.nodes)
    return replace(plan, nodes=placed, pools=dict(pools))


def opened(queue: MemoryNodeQueue, plan: Plan) -> Plan:
    """Written, with the opening behind it."""
    write(queue, plan)
    queue.claim(plan.run_id, 1, OPENING, runner=9, epoch=1, at="then")
    queue.finish(plan.run_id, 1, OPENING, None, runner=9, epoch=1, at="then")
    for child in plan.children[OPENING]:
        queue.release(plan.run_id, 1, child, 0, skip=False)
    return plan


def ended(session: QueueSession, unique_id: str) -> None:
    session.finish(unique_id, result_of(unique_id))


def holder(unique_id: str, runner: int = 1, epoch: int = 1, run_id: int = 7) -> str:
    return str(Holder(run_id, 1, runner, epoch, unique_id))


def test_a_node_holds_its_places_from_claim_to_end(queue: Counting, slots: Moody, clock: MemoryClock) -> None:
    plan = opened(queue, pooled({"a": ("wh", "big")}, {"wh": 2, "big": 1}))
    session = begun(queue, clock, plan, 1, slots)
    assert claimed(session) == "a"
    assert slots.holders(ENVIRONMENT, "wh") == slots.holders(ENVIRONMENT, "big") == [holder("a")]
    ended(session, "a")
    assert slots.pools(ENVIRONMENT) == []


def test_a_full_pool_holds_up_only_its_own_nodes(queue: Counting, slots: Moody, clock: MemoryClock) -> None:
    """Forty urgent nodes of a full pool stand before the one that could run."""
    large = {f"large{number:02d}": ("wh_large",) for number in range(40)}
    plan = opened(queue, pooled({**large, "small": ()}, {"wh_large": 1}))
    session = begun(queue, clock, plan, 1, slots)
    assert claimed(session) == "large00"
    assert claimed(session) == "small"
    assert isinstance(session.next(), Idle)


def test_while_a_pool_is_full_the_whole_index_is_read_once_a_second_at_most(
    queue: Counting, slots: Moody, clock: MemoryClock
) -> None:
    large = {f"large{number:02d}": ("wh_large",) for number in range(40)}
    plan = opened(queue, pooled({**large, "small": ()}, {"wh_large": 1}))
    session = begun(queue, clock, plan, 1, slots)
    assert [claimed(session), claimed(session)] == ["large00", "small"]
    clock.advance(FULL_SECONDS)
    queue.limits.clear()
    for _ in range(10):
        assert isinstance(session.next(), Idle)
        clock.advance(FULL_SECONDS / 20)
    assert max(limit or 0 for limit in queue.limits) >= 40
    assert sum(limit != queue.limits[0] for limit in queue.limits) <= 2


def test_when_every_node_needs_a_full_pool_nobody_looks_further(
    queue: Counting, slots: Moody, clock: MemoryClock
) -> None:
    plan = opened(queue, pooled({f"n{number:02d}": ("warehouse",) for number in range(40)}, {"warehouse": 1}))
    session = begun(queue, clock, plan, 1, slots)
    assert claimed(session) == "n00"
    for _ in range(10):
        assert isinstance(session.next(), Idle)
        clock.advance(0.2)
    assert set(queue.limits) == {8}


def test_a_place_of_our_own_that_became_free_is_taken_at_once(
    queue: Counting, slots: Moody, clock: MemoryClock
) -> None:
    plan = opened(queue, pooled({"a": ("wh",), "b": ("wh",)}, {"wh": 1}))
    session = begun(queue, clock, plan, 1, slots)
    assert claimed(session) == "a"
    assert isinstance(session.next(), Idle)
    ended(session, "a")
    assert claimed(session) == "b"


def test_places_are_taken_in_all_pools_or_in_none(queue: Counting, slots: Moody, clock: MemoryClock) -> None:
    plan = opened(queue, pooled({"ab": ("b", "a"), "ba": ("a", "b")}, {"a": 2, "b": 1}))
    first, second = begun(queue, clock, plan, 1, slots), begun(queue, clock, plan, 2, slots)
    assert claimed(first) == "ab"
    assert isinstance(second.next(), Idle)
    assert slots.holders(ENVIRONMENT, "a") == slots.holders(ENVIRONMENT, "b") == [holder("ab")]


def test_limits_bind_over_runs(queue: Counting, slots: Moody, clock: MemoryClock) -> None:
    plans = [opened(queue, pooled({"a": ("wh",)}, {"wh": 1}, run_id=run)) for run in (7, 8)]
    one, other = (begun(queue, clock, plan, 1, slots) for plan in plans)
    assert claimed(one) == "a"
    assert isinstance(other.next(), Idle)
    ended(one, "a")
    clock.advance(FULL_SECONDS)
    assert claimed(other) == "a"


def test_a_claim_that_was_refused_gives_its_places_back(
    queue: Counting, slots: Moody, clock: MemoryClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = opened(queue, pooled({"a": ("wh",)}, {"wh": 2}))
    session = begun(queue, clock, plan, 1, slots)
    monkeypatch.setattr(queue, "claim", lambda *_, **__: None)
    assert isinstance(session.next(), Idle)
    assert slots.pools(ENVIRONMENT) == []


def test_a_node_that_is_held_keeps_its_place_though_the_index_still_shows_it(
    queue: Counting, slots: Moody, clock: MemoryClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = opened(queue, pooled({"a": ("wh",)}, {"wh": 1}))
    session = begun(queue, clock, plan, 1, slots)
    assert claimed(session) == "a"
    monkeypatch.setattr(queue, "open_nodes", lambda *_, **__: [("a", NodeState.READY)])
    assert isinstance(session.next(), Idle)
    assert slots.holders(ENVIRONMENT, "wh") == [holder("a")]


def test_what_is_handed_back_gives_its_places_back(queue: Counting, slots: Moody, clock: MemoryClock) -> None:
    plan = opened(queue, pooled({"a": ("wh",), "b": ("wh",)}, {"wh": 2}))
    session = begun(queue, clock, plan, 1, slots)
    assert [claimed(session), claimed(session)] == ["a", "b"]
    assert session.hand_back(["a"]) == ["a"]
    assert slots.holders(ENVIRONMENT, "wh") == [holder("b")]
    assert session.hand_back() == ["b"]
    assert slots.pools(ENVIRONMENT) == []


def test_pools_that_the_plan_does_not_limit_cost_nothing(
    queue: Counting, slots: Moody, clock: MemoryClock
) -> None:
    plan = opened(queue, pooled({"a": ("no such pool",), "b": ()}, {}))
    slots.before = "take"
    session = begun(queue, clock, plan, 1, slots)
    assert [claimed(session), claimed(session)] == ["a", "b"]


@pytest.mark.parametrize("mood", ["before", "after"])
def test_a_place_without_an_answer_is_given_back_later(
    queue: Counting, slots: Moody, clock: MemoryClock, mood: str
) -> None:
    plan = opened(queue, pooled({"a": ("x", "y")}, {"x": 1, "y": 1}))
    session = begun(queue, clock, plan, 1, slots)
    setattr(slots, mood, "take")
    with pytest.raises(UnavailableError):
        session.next()
    setattr(slots, mood, "give_back")
    # Somebody else builds the node, and nobody may be kept out by a place that we do not know of.
    queue.claim(*KEY, "a", runner=2, epoch=1, at="now")
    assert isinstance(session.next(), Idle)
    setattr(slots, mood, "")
    assert isinstance(session.next(), Idle)
    assert slots.pools(ENVIRONMENT) == []


def test_a_place_that_is_owed_and_taken_again_is_kept(
    queue: Counting, slots: Moody, clock: MemoryClock
) -> None:
    plan = opened(queue, pooled({"a": ("x",)}, {"x": 1}))
    session = begun(queue, clock, plan, 1, slots)
    assert claimed(session) == "a"
    slots.before = "give_back"
    assert session.hand_back() == ["a"]
    assert slots.holders(ENVIRONMENT, "x") == [holder("a")]
    assert claimed(session) == "a"
    slots.before = ""
    assert isinstance(session.next(), Idle)
    assert slots.holders(ENVIRONMENT, "x") == [holder("a")]
    ended(session, "a")
    assert slots.pools(ENVIRONMENT) == []


def test_who_leaves_while_a_place_is_asked_for_claims_nothing_with_it(
    queue: Counting, slots: Moody, clock: MemoryClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbt's thread waits for the place while the main thread hands back and ends the lease."""
    session = begun(queue, clock, opened(queue, pooled({"a": ("x",)}, {"x": 1})), 1, slots)
    take = slots.take

    def slowly(environment: str, pool: str, holder: str, limit: int) -> bool:
        taken = take(environment, pool, holder, limit)
        session.hand_back()
        session.end("stopped by SIGTERM")
        return taken

    monkeypatch.setattr(slots, "take", slowly)
    assert isinstance(session.next(), Idle)
    assert dict(queue.open_nodes(*KEY))["a"] is NodeState.READY
    assert slots.pools(ENVIRONMENT) == []


def test_a_claim_without_an_answer_is_undone_with_its_place(
    queue: Counting, slots: Moody, clock: MemoryClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = opened(queue, pooled({"a": ("x",)}, {"x": 1}))
    one, other = begun(queue, clock, plan, 1, slots), begun(queue, clock, plan, 2, slots)
    claim = queue.claim

    def unanswered(*asked: object, **named: object) -> None:
        claim(*asked, **named)  # type: ignore[arg-type]
        raise UnavailableError("connection closed")

    with monkeypatch.context() as patch:
        patch.setattr(queue, "claim", unanswered)
        with pytest.raises(UnavailableError):
            one.next()
    assert isinstance(other.next(), Idle)
    monkeypatch.setattr(queue, "open_nodes", lambda *_, **__: [("b", NodeState.RUNNING)])
    assert isinstance(one.next(), Idle)
    monkeypatch.undo()
    clock.advance(FULL_SECONDS)
    assert other.next() == Claim("a", skip=False, attempt=2)


def test_a_dead_runners_places_are_given_back_by_whoever_waits_for_them(
    queue: Counting, slots: Moody, clock: MemoryClock
) -> None:
    dead_plan = opened(queue, pooled({"a": ("wh",)}, {"wh": 1}, run_id=7))
    plan = opened(queue, pooled({"a": ("wh",)}, {"wh": 1}, run_id=8))
    dead, waiting = begun(queue, clock, dead_plan, 1, slots), begun(queue, clock, plan, 1, slots)
    assert claimed(dead) == "a"
    assert isinstance(waiting.next(), Idle)
    clock.advance(SWEEP_SECONDS)
    assert isinstance(waiting.next(), Idle)
    assert slots.holders(ENVIRONMENT, "wh") == [holder("a")], "its lease is good"
    # Its own run noticed.
    assert queue.expire_lease(*KEY, queue.runners(*KEY)[0])
    clock.advance(SWEEP_SECONDS)
    assert isinstance(waiting.next(), Idle)
    assert slots.pools(ENVIRONMENT) == []
    clock.advance(FULL_SECONDS)
    assert claimed(waiting) == "a"


def test_free_slots_leaves_the_living_and_frees_the_rest(queue: Counting, slots: Moody) -> None:
    queue.take_lease(*KEY, 1, 60.0)
    queue.take_lease(*KEY, 2, 60.0)
    queue.take_lease(*KEY, 2, 60.0)
    queue.take_lease(8, 1, 1, 60.0)
    alive = [holder("a"), holder("b", runner=2, epoch=2)]
    void = [holder("c", runner=2, epoch=1), holder("d", runner=3), "nonsense", "x#1#1#1#a"]
    over = [holder("e", run_id=8)]
    for text in (*alive, *void, *over):
        assert slots.take(ENVIRONMENT, "wh", text, 99)
    slots.take(ENVIRONMENT, "other", over[0], 99)
    slots.take("staging", "wh", void[0], 99)
    freed = free_slots(ENVIRONMENT, slots=slots, queue=queue, is_over=lambda run_id: run_id == 8)
    assert sorted(freed) == sorted([*void, *over, *over])
    assert sorted(slots.holders(ENVIRONMENT, "wh")) == sorted(alive)
    assert slots.holders("staging", "wh") == [void[0]]
    assert free_slots(ENVIRONMENT, slots=slots, queue=queue) == []


def test_a_run_gives_back_all_it_has(slots: Moody) -> None:
    for pool in ("x", "y"):
        for run in (7, 70):
            slots.take(ENVIRONMENT, pool, holder("a", run_id=run), 9)
    assert free_slots_of(7, ENVIRONMENT, slots=slots) == [holder("a")] * 2
    assert [slots.holders(ENVIRONMENT, pool) for pool in ("x", "y")] == [[holder("a", run_id=70)]] * 2


@given(st.integers(0), st.integers(0), st.integers(0), st.integers(0), st.text())
def test_a_holders_text_is_read_back(run_id: int, step: int, runner: int, epoch: int, unique_id: str) -> None:
    original = Holder(run_id, step, runner, epoch, unique_id)
    assert Holder.parse(str(original)) == original


@pytest.mark.parametrize("text", ["", "a", "1#2#3#4", "1#2#3#x#a", "1#2##4#a", "-1#2#3#4#a", "²#2#3#4#a"])
def test_what_is_no_holder_is_void(text: str) -> None:
    assert Holder.parse(text) is None
    assert void_holders([text], {}) == [text]


def test_holders_of_steps_that_were_not_looked_up_are_left_alone() -> None:
    ended = RunnerRecord(1, 1, 60.0, ended=True)
    texts = [holder("a"), holder("a", run_id=8)]
    assert void_holders(texts, {}) == []
    assert void_holders(texts, {KEY: [ended]}) == texts[:1]


@pytest.mark.parametrize("seed", range(20))
def test_any_mix_of_pools_ends_with_every_node_built_and_no_limit_passed(seed: int) -> None:
    random, clock, queue, slots = Random(seed), MemoryClock(), MemoryNodeQueue(), MemorySlots()
    pools = {"warehouse": 3, "large": 1, "api": 2}
    plans = []
    for run in (7, 8):
        ids = [f"n{number:02d}" for number in range(30)]
        parents = {
            node: tuple(random.sample(ids[:at], min(at, random.choice([0, 0, 1, 2]))))
            for at, node in enumerate(ids)
        }
        nodes = {node: tuple(random.sample(sorted(pools), random.randint(0, 3))) for node in ids}
        plans.append(write(queue, pooled(nodes, pools, parents, run_id=run)))
    sessions = [begun(queue, clock, plan, runner, slots) for plan in plans for runner in (1, 2)]
    running: list[tuple[QueueSession, str]] = []
    for _ in range(3000):
        clock.advance(0.1)
        session = random.choice(sessions)
        answer = session.next() if random.random() < 0.6 else None
        if isinstance(answer, Claim):
            running.append((session, answer.unique_id))
        elif running and random.random() < 0.5:
            builder, node = running.pop(random.randrange(len(running)))
            builder.finish(node, None if node in (OPENING, CLOSING) else result_of(node, NodeStatus.SUCCESS))
        for pool, limit in pools.items():
            assert len(slots.holders(ENVIRONMENT, pool)) <= limit
        for each in sessions:
            if each.until - clock.now() < 40:
                each.renew()
    assert all(not queue.open_nodes(plan.run_id, 1) for plan in plans)
    assert all(node.claims == 1 for plan in plans for node in queue.nodes(plan.run_id, 1))
    assert slots.pools(ENVIRONMENT) == []


def test_without_slots_pools_bind_nothing(queue: Counting, clock: MemoryClock) -> None:
    plan = opened(queue, pooled({"a": ("wh",), "b": ("wh",)}, {"wh": 1}))
    session = begun(queue, clock, plan, 1)
    assert [claimed(session), claimed(session)] == ["a", "b"]
    ended(session, "a")
    ended(session, "b")
    assert built(session) == CLOSING
    assert run_to_the_end(session) == []
