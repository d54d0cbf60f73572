"""The queue that dbt asks, over a real session on the queue in memory; no dbt, no processes."""

from collections.abc import Callable
from queue import Queue
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest

from headgate.adapters.memory import MemoryNodeQueue
from headgate.adapters.system_clock import SystemClock
from headgate.domain.plan import CLOSING, OPENING, Plan
from headgate.domain.queue import NodeState
from headgate.domain.results import NodeStatus
from headgate.errors import LeaseLostError, UnavailableError
from headgate.usecases.run_nodes import QueueSession
from headgate_runner.shared_queue import SharedQueue
from tests.plans import plan_of, result_of, write


class Building:
    """One runner over a plan: its session, its queue, and what it told its supervisor."""

    def __init__(self, queue: MemoryNodeQueue, plan: Plan, runner: int = 1, threads: int = 2) -> None:
        self.faults: Queue[BaseException] = Queue()
        self.session = QueueSession(queue, SystemClock(), plan, runner)
        self.session.begin()
        self.queue = SharedQueue(self.session, plan.positions, threads, self.faults.put)

    def build(self, status: NodeStatus = NodeStatus.SUCCESS) -> str:
        """Take the next node and finish it."""
        assert self.queue.look() is not None
        claim = self.queue.take()
        done = NodeStatus.SKIPPED if claim.skip else status
        self.queue.finish(
            claim.unique_id,
            None if claim.unique_id in (OPENING, CLOSING) else result_of(claim.unique_id, done),
        )
        self.queue.mark_done(claim.unique_id)
        return claim.unique_id


@pytest.fixture
def shared() -> MemoryNodeQueue:
    return MemoryNodeQueue()


def in_thread(act: Callable[[], Any]) -> "Queue[Any]":
    """The result of `act`, once it comes; a call that parks never gives one."""
    answers: Queue[Any] = Queue()
    Thread(target=lambda: answers.put(act()), daemon=True).start()
    return answers


def test_a_lone_runner_opens_builds_in_order_and_closes(shared: MemoryNodeQueue) -> None:
    one = Building(shared, write(shared, plan_of()))
    assert [one.build() for _ in range(5)] == [OPENING, "a", "b", "c", "d"]
    assert one.queue.empty()
    assert one.build() == CLOSING
    assert one.queue.look() is None
    assert one.queue.empty()


def test_a_skip_comes_with_the_claim(shared: MemoryNodeQueue) -> None:
    one = Building(shared, write(shared, plan_of()))
    one.build()
    one.build(NodeStatus.ERROR)
    claim = one.queue.look()
    assert claim is not None
    assert (claim.unique_id, claim.skip) == ("b", True)


def test_nothing_is_claimed_while_every_thread_is_busy(shared: MemoryNodeQueue) -> None:
    plan = write(shared, plan_of({"a": (), "b": (), "c": ()}))
    one = Building(shared, plan, threads=2)
    one.build()
    for _ in range(2):
        assert not one.queue.empty()
        one.queue.take()
    answer = in_thread(one.queue.empty)
    sleep(0.1)
    assert answer.empty()
    assert dict(shared.open_nodes(7, 1))["c"] is NodeState.READY

    one.queue.finish("a", result_of("a"))
    one.queue.mark_done("a")
    assert answer.get(timeout=2) is False
    assert one.queue.take().unique_id == "c"


def test_an_idle_queue_wakes_at_once_when_a_node_ends_here(
    shared: MemoryNodeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate_runner.shared_queue.FIRST_PAUSE_SECONDS", 30.0)
    one = Building(shared, write(shared, plan_of({"a": (), "b": ("a",)})))
    one.build()
    assert not one.queue.empty()
    one.queue.take()
    answer = in_thread(one.queue.empty)
    sleep(0.1)
    asked = monotonic()
    one.queue.finish("a", result_of("a"))

    assert answer.get(timeout=5) is False
    assert monotonic() - asked < 1


def test_two_runners_share_and_each_node_is_built_once(shared: MemoryNodeQueue) -> None:
    parents = {f"n{i}": tuple(f"n{j}" for j in (i - 3, i - 2) if j >= 0) for i in range(30)}
    plan = write(shared, plan_of(parents))
    built: Queue[str] = Queue()

    def work(one: Building) -> None:
        while one.queue.look() is not None:
            built.put(one.build())

    threads = [Thread(target=work, args=[Building(shared, plan, number)], daemon=True) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(built.queue) == sorted([OPENING, CLOSING, *parents])


def test_a_halt_ends_the_runner_with_its_reason(shared: MemoryNodeQueue) -> None:
    one = Building(shared, write(shared, plan_of()))
    one.session.halt("the database is down")
    assert one.queue.empty()
    assert one.queue.halted == "the database is down"


def test_a_fault_of_the_queue_reaches_the_supervisor_and_parks_dbt(shared: MemoryNodeQueue) -> None:
    one, fault = Building(shared, write(shared, plan_of())), UnavailableError("away")

    def fail() -> None:
        raise fault

    one.session.next = fail  # type: ignore[assignment]
    answer = in_thread(one.queue.empty)
    assert one.faults.get(timeout=2) is fault
    sleep(0.05)
    assert answer.empty()
    assert one.queue.stopped


def test_a_refused_record_reaches_the_supervisor(shared: MemoryNodeQueue) -> None:
    one = Building(shared, write(shared, plan_of()))
    one.build()
    assert one.queue.look() is not None
    node = one.queue.take().unique_id
    shared.take_lease(7, 1, 1, 0)
    shared.hand_back(7, 1, node, runner=1, epoch=1)
    one.queue.finish(node, result_of(node))
    assert isinstance(one.faults.get(timeout=2), LeaseLostError)


def test_after_a_stop_nothing_is_claimed_or_recorded(shared: MemoryNodeQueue) -> None:
    one = Building(shared, write(shared, plan_of()))
    one.build()
    assert one.queue.look() is not None
    node = one.queue.take().unique_id
    one.queue.stop()
    answers = [in_thread(one.queue.empty), in_thread(lambda: one.queue.finish(node, result_of(node)))]
    sleep(0.1)

    assert [answer.empty() for answer in answers] == [True, True]
    assert one.queue.in_progress == set()
    assert shared.results(7, 1) == []
    assert one.session.hand_back() == [node]


def test_join_waits_for_the_last_node(shared: MemoryNodeQueue) -> None:
    one = Building(shared, write(shared, plan_of({"a": ()})))
    one.build()
    assert one.queue.look() is not None
    one.queue.take()
    answer = in_thread(one.queue.join)
    sleep(0.05)
    assert answer.empty()
    one.queue.mark_done("a")
    assert answer.get(timeout=2) is None


def test_a_drained_queue_claims_nothing_and_records_what_ends(shared: MemoryNodeQueue) -> None:
    one = Building(shared, write(shared, plan_of({"a": (), "b": ()})))
    one.build()
    assert one.queue.look() is not None
    node = one.queue.take().unique_id
    one.queue.drain()
    answer = in_thread(one.queue.empty)
    one.queue.finish(node, result_of(node))
    one.queue.mark_done(node)
    sleep(0.1)

    assert answer.empty()
    assert [result.unique_id for result in shared.results(7, 1)] == [node]
    assert one.session.hand_back() == []


def test_a_claim_that_was_on_its_way_when_the_drain_began_is_handed_back(shared: MemoryNodeQueue) -> None:
    one = Building(shared, write(shared, plan_of({"a": (), "b": ()})))
    one.build()
    original = one.session.next

    def claim_and_drain() -> Any:
        claim = original()
        one.queue.drain()
        return claim

    one.session.next = claim_and_drain  # type: ignore[method-assign]
    answer = in_thread(one.queue.empty)
    sleep(0.1)
    assert answer.empty()
    # At once, and not only when what is in progress has ended.
    abandoned = one.queue.abandoned()
    assert len(abandoned) == 1
    assert one.session.hand_back(abandoned) == list(abandoned)
    assert one.queue.abandoned() == set()


def test_a_node_that_was_given_up_is_not_recorded(shared: MemoryNodeQueue) -> None:
    one = Building(shared, write(shared, plan_of({"a": (), "b": ()})))
    one.build()
    for _ in range(2):
        assert one.queue.look() is not None
        one.queue.take()
    one.queue.drain()
    assert one.queue.give_up({"a", "unknown"}) == {"a"}
    assert one.queue.give_up({"a"}) == set()
    answers = [in_thread(lambda node=node: one.queue.finish(node, result_of(node))) for node in ("a", "b")]  # type: ignore[misc]
    sleep(0.1)

    assert [answer.empty() for answer in answers] == [True, False]
    assert [result.unique_id for result in shared.results(7, 1)] == ["b"]
    assert one.queue.in_progress == {"b"}
    assert one.session.hand_back({"a"}) == ["a"]


@pytest.mark.parametrize("leave", ["stop", "drain"])
def test_a_pause_ends_with_the_runner_and_lets_its_node_go(shared: MemoryNodeQueue, leave: str) -> None:
    one = Building(shared, write(shared, plan_of({"a": ()})))
    one.build()
    assert one.queue.look() is not None
    one.queue.take()
    one.queue.hold("a", 0.01)
    assert one.queue.in_progress == {"a"}
    answer = in_thread(lambda: one.queue.hold("a", 30))
    sleep(0.05)
    getattr(one.queue, leave)()
    sleep(0.1)

    assert answer.empty()
    assert one.queue.in_progress == set()
    assert one.session.hand_back(one.queue.abandoned()) == ["a"]


def test_a_pause_ends_when_no_attempt_will_follow(shared: MemoryNodeQueue) -> None:
    one = Building(shared, write(shared, plan_of({"a": ()})))
    one.build()
    assert one.queue.look() is not None
    one.queue.take()
    answer = in_thread(lambda: one.queue.hold("a", 300))
    sleep(0.05)
    assert answer.empty()
    one.queue.end_pauses()
    assert answer.get(timeout=5) is None
    assert one.queue.in_progress == {"a"}


def test_threads_become_fewer_but_never_none(shared: MemoryNodeQueue) -> None:
    plan = write(shared, plan_of({"a": (), "b": ()}))
    one = Building(shared, plan, threads=2)
    one.build()
    for _ in range(3):
        one.queue.use_fewer_threads()
    assert not one.queue.empty()
    one.queue.take()
    answer = in_thread(one.queue.empty)
    sleep(0.1)
    assert answer.empty()
    one.queue.finish("a", result_of("a"))
    one.queue.mark_done("a")
    assert answer.get(timeout=2) is False


def test_the_run_thread_is_seen_while_it_waits_and_not_while_it_hangs(
    shared: MemoryNodeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate_runner.shared_queue.TICK_SECONDS", 0.01)
    one = Building(shared, write(shared, plan_of({"a": (), "b": ()})), threads=1)
    one.build()
    assert one.queue.look() is not None
    one.queue.take()
    in_thread(one.queue.empty)
    sleep(0.05)
    waiting = one.queue.ticked_at
    sleep(0.1)
    assert one.queue.ticked_at > waiting

    hangs, asked = Event(), Event()

    def hang() -> None:
        asked.set()
        hangs.wait()

    one.session.next = hang  # type: ignore[assignment]
    one.queue.finish("a", result_of("a"))
    one.queue.mark_done("a")
    assert asked.wait(2)
    hanging = one.queue.ticked_at
    sleep(0.1)
    assert one.queue.ticked_at == hanging
    one.queue.stop()
    hangs.set()
