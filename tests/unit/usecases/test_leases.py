"""A runner stops before its lease ends, and others take it over after: whatever their clocks say."""

from functools import partial

import pytest

from headgate.adapters.memory import MemoryClock, MemoryNodeQueue, MemoryPlanStore
from headgate.domain.plan import CLOSING, OPENING, Plan
from headgate.domain.queue import (
    FENCE_SECONDS,
    LEASE_SECONDS,
    MARGIN_SECONDS,
    REAPER_MARGIN_SECONDS,
    Claim,
    NodeRecord,
    NodeState,
)
from headgate.errors import LeaseLostError, UnavailableError
from headgate.usecases.run_nodes import SWEEP_SECONDS, Idle, QueueSession
from headgate.usecases.watch_leases import take_over
from tests.plans import plan_of, result_of, write
from tests.sessions import begun, claimed, run_to_the_end

KEY = (7, 1)
HEARTBEAT = LEASE_SECONDS / 4


class Skewed:
    """A clock that is so many seconds ahead of another."""

    def __init__(self, clock: MemoryClock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds

    def now(self) -> float:
        return self._clock.now() + self._seconds

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class SlowQueue(MemoryNodeQueue):
    """A queue that takes its time to renew, or to list, leases, or to answer a claim."""

    def __init__(self, clock: MemoryClock) -> None:
        super().__init__()
        self._clock = clock
        self.renewing = self.listing = self.claiming = 0.0

    def claim(
        self, run_id: int, step: int, unique_id: str, *, runner: int, epoch: int, at: str
    ) -> NodeRecord | None:
        record = super().claim(run_id, step, unique_id, runner=runner, epoch=epoch, at=at)
        self._clock.advance(self.claiming)
        return record

    def renew_lease(self, run_id: int, step: int, runner: int, epoch: int, until: float) -> bool:
        done = super().renew_lease(run_id, step, runner, epoch, until)
        self._clock.advance(self.renewing)
        return done

    def runners(self, run_id: int, step: int) -> list:  # type: ignore[type-arg]
        self._clock.advance(self.listing)
        return super().runners(run_id, step)


@pytest.fixture
def clock() -> MemoryClock:
    return MemoryClock()


@pytest.fixture
def queue() -> MemoryNodeQueue:
    return MemoryNodeQueue()


@pytest.fixture
def plan(queue: MemoryNodeQueue) -> Plan:
    return write(queue, plan_of())


def state_of(queue: MemoryNodeQueue, unique_id: str) -> NodeState:
    return queue._nodes[KEY][unique_id].state


def lost(session: QueueSession) -> bool:
    try:
        session.next()
    except LeaseLostError:
        return True
    return False


def test_a_runner_without_a_renewal_stops_before_its_lease_ends(
    queue: MemoryNodeQueue, clock: MemoryClock, plan: Plan
) -> None:
    session = begun(queue, clock, plan, 1)
    assert session.until == clock.now() + LEASE_SECONDS
    assert claimed(session) == OPENING
    clock.advance(LEASE_SECONDS - FENCE_SECONDS)
    with pytest.raises(LeaseLostError):
        session.finish(OPENING, None, [result_of("operation.shop.hook")])
    assert state_of(queue, OPENING) is NodeState.RUNNING
    assert queue.results(*KEY) == []
    for attempt in (session.next, session.renew):
        with pytest.raises(LeaseLostError):
            attempt()


def test_a_renewal_in_time_keeps_the_lease(queue: MemoryNodeQueue, clock: MemoryClock, plan: Plan) -> None:
    session = begun(queue, clock, plan, 1)
    clock.advance(LEASE_SECONDS - FENCE_SECONDS - 0.1)
    session.renew()
    assert session.until == clock.now() + LEASE_SECONDS
    clock.advance(LEASE_SECONDS - FENCE_SECONDS - 0.1)
    assert claimed(session) == OPENING


def test_a_renewal_that_is_answered_too_late_saves_nobody(clock: MemoryClock) -> None:
    queue = SlowQueue(clock)
    session = begun(queue, clock, write(queue, plan_of()), 1)
    clock.advance(HEARTBEAT)
    queue.renewing = LEASE_SECONDS - HEARTBEAT - FENCE_SECONDS
    with pytest.raises(LeaseLostError):
        session.renew()
    # The supervision has stopped dbt meanwhile; the lease in the table is good for longer, and stays unused.
    assert queue.runners(*KEY)[0].until > clock.now() + FENCE_SECONDS
    assert lost(session)


def test_what_was_lost_stays_lost_until_it_begins_again(
    queue: MemoryNodeQueue, clock: MemoryClock, plan: Plan
) -> None:
    session = begun(queue, clock, plan, 1)
    clock.advance(LEASE_SECONDS)
    assert lost(session)
    clock.advance(-LEASE_SECONDS)
    assert lost(session)
    session.begin()
    assert session.epoch == 2
    assert claimed(session) == OPENING


def test_a_lease_that_somebody_took_is_lost_for_everything(
    queue: MemoryNodeQueue, clock: MemoryClock, plan: Plan
) -> None:
    session = begun(queue, clock, plan, 1)
    assert queue.expire_lease(*KEY, queue.runners(*KEY)[0])
    with pytest.raises(LeaseLostError):
        session.renew()
    assert lost(session)


@pytest.mark.parametrize("skew", [-300.0, 300.0])
def test_clocks_apart_expire_no_living_runner(
    queue: MemoryNodeQueue, clock: MemoryClock, plan: Plan, skew: float
) -> None:
    steady, skewed = begun(queue, clock, plan, 1), begun(queue, Skewed(clock, skew), plan, 2)
    assert claimed(steady) == OPENING
    for _ in range(40):
        clock.advance(HEARTBEAT)
        steady.renew()
        skewed.renew()
        assert isinstance(skewed.next(), Idle)
    steady.finish(OPENING, None)
    assert run_to_the_end(skewed, steady) == ["a", "b", "c", "d", CLOSING]
    assert all(node.claims == 1 for node in queue.nodes(*KEY))


@pytest.mark.parametrize("skew", [-300.0, 0.0, 300.0])
def test_a_lost_runner_is_found_within_two_leases_whatever_the_clocks_say(
    queue: MemoryNodeQueue, clock: MemoryClock, plan: Plan, skew: float
) -> None:
    dead, other = begun(queue, clock, plan, 1), begun(queue, Skewed(clock, skew), plan, 2)
    assert claimed(dead) == OPENING
    dead.renew()
    began = clock.now()
    answer: object = Idle()
    while isinstance(answer, Idle):
        clock.advance(5.0)
        other.renew()
        answer = other.next()
    assert answer == Claim(OPENING, skip=False, attempt=2, uncertain=True)
    assert LEASE_SECONDS < clock.now() - began <= 2 * LEASE_SECONDS


def test_a_busy_runner_watches_from_its_heartbeat(
    queue: MemoryNodeQueue, clock: MemoryClock, plan: Plan
) -> None:
    dead, busy = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    assert claimed(dead) == OPENING
    for _ in range(6):
        clock.advance(HEARTBEAT)
        busy.renew()
    assert isinstance(busy.next(), Idle), "the first time it asks at all"
    assert claimed(busy) == OPENING


def test_a_slow_look_counts_from_its_answer(clock: MemoryClock) -> None:
    """What was read may have been renewed while the request was on its way."""
    queue = SlowQueue(clock)
    plan = write(queue, plan_of())
    slow, other = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    assert claimed(slow) == OPENING
    clock.advance(1.0)
    slow.renew()
    queue.listing = LEASE_SECONDS - FENCE_SECONDS - 1
    other.renew()
    queue.listing = 0.0
    other.renew()
    clock.advance(MARGIN_SECONDS + FENCE_SECONDS + 1)
    slow_until = queue.runners(*KEY)[0].until
    assert isinstance(other.next(), Idle)
    assert clock.now() > slow_until, "a lease long over by the clock, but not watched for long enough"
    assert not queue.runners(*KEY)[0].ended


def test_a_heartbeat_outlives_a_look_that_fails(
    queue: MemoryNodeQueue, clock: MemoryClock, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = begun(queue, clock, plan, 1)

    def unavailable(*_: object) -> None:
        raise UnavailableError("throttled")

    monkeypatch.setattr(queue, "runners", unavailable)
    clock.advance(HEARTBEAT)
    session.renew()
    assert session.until == clock.now() + LEASE_SECONDS


def test_nobody_expires_itself(queue: MemoryNodeQueue, clock: MemoryClock, plan: Plan) -> None:
    idle, busy = begun(queue, clock, plan, 1), begun(queue, clock, plan, 2)
    assert claimed(busy) == OPENING
    clock.advance(LEASE_SECONDS - FENCE_SECONDS - 1)
    # Not renewed, and watched by itself since it began: the clock of a machine that sleeps jumps.
    assert isinstance(idle.next(), Idle)
    idle._watch._seen[1] = (*idle._watch._seen[1][:2], clock.now() - 10 * LEASE_SECONDS)
    idle._swept_at -= SWEEP_SECONDS
    assert isinstance(idle.next(), Idle)
    assert not queue.runners(*KEY)[0].ended


def test_the_reaper_leaves_five_minutes_to_the_clocks(
    queue: MemoryNodeQueue, clock: MemoryClock, plan: Plan
) -> None:
    session = begun(queue, clock, plan, 1)
    assert claimed(session) == OPENING
    plans = MemoryPlanStore()
    plans.put_plan(plan)
    take = partial(take_over, *KEY, queue=queue, plans=plans)
    assert take(session.until + REAPER_MARGIN_SECONDS) == []
    assert state_of(queue, OPENING) is NodeState.RUNNING
    assert take(session.until + REAPER_MARGIN_SECONDS + 1) == [OPENING]
    (node,) = [node for node in queue.nodes(*KEY) if node.unique_id == OPENING]
    assert (node.state, node.uncertain) == (NodeState.READY, True)
    assert take(session.until + REAPER_MARGIN_SECONDS + 1) == []
    with pytest.raises(LeaseLostError):
        session.finish(OPENING, None)


def test_a_claim_that_is_answered_too_late_is_nobodys(clock: MemoryClock) -> None:
    queue = SlowQueue(clock)
    session = begun(queue, clock, write(queue, plan_of()), 1)
    queue.claiming = LEASE_SECONDS
    with pytest.raises(LeaseLostError):
        session.next()
    assert state_of(queue, OPENING) is NodeState.RUNNING
