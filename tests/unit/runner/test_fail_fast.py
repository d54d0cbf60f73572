"""`--fail-fast`: the first failure is told to all, and what is cancelled because of it counts as skipped."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from dbt.artifacts.schemas.results import NodeStatus

from headgate.adapters.memory import MemoryNodeQueue
from headgate_runner import fail_fast
from headgate_runner.fail_fast import FailFast
from tests.plans import plan_of, write

KEY = (7, 1)


class Sessions:
    """Counts what is cancelled."""

    def __init__(self) -> None:
        self.cancelled = 0

    def cancel(self, until: Callable[[], bool], seconds: float) -> None:
        self.cancelled += 1


def share_of(queue: MemoryNodeQueue, wanted: bool) -> Any:
    session = SimpleNamespace(fail_fast=lambda node: queue.fail_fast(*KEY, node))
    plan = SimpleNamespace(run_id=KEY[0], step=KEY[1], fail_fast=wanted)
    log = SimpleNamespace(write=lambda *_: None)
    return SimpleNamespace(world=SimpleNamespace(queue=queue), plan=plan, session=session, log=log)


def result(status: NodeStatus) -> Any:
    return SimpleNamespace(status=status)


@pytest.fixture
def queue() -> MemoryNodeQueue:
    queue = MemoryNodeQueue()
    write(queue, plan_of())
    return queue


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fail_fast, "WATCH_SECONDS", 0.01)


def soon(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not what() and time.monotonic() < deadline:
        time.sleep(0.01)
    return what()


@pytest.mark.parametrize("status", [NodeStatus.Error, NodeStatus.Fail, NodeStatus.PartialSuccess])
def test_the_first_failure_is_told_and_what_runs_is_cancelled(
    queue: MemoryNodeQueue, status: NodeStatus
) -> None:
    sessions = Sessions()
    fast = FailFast(share_of(queue, True), sessions, lambda: False)  # type: ignore[arg-type]
    fast.look_at("a", [result(NodeStatus.Pass), result(status)])

    step = queue.step(*KEY)
    assert step is not None
    assert step.failed_fast == "a"
    assert soon(lambda: sessions.cancelled > 0)
    # What was cancelled failed because of that; what ended well before the cancel came has ended well.
    assert fast.cancels("b", [result(NodeStatus.Error)])
    assert not fast.cancels("b", [result(NodeStatus.Success)])
    # The node itself is the failure, also when its record was lost and it is handed out again.
    assert not fast.cancels("a", [result(NodeStatus.Error)])
    assert fast.is_culprit("a")
    fast.end()


def test_another_runners_failure_is_noticed_while_every_thread_is_busy(queue: MemoryNodeQueue) -> None:
    sessions = Sessions()
    hurried: list[bool] = []
    share = share_of(queue, True)
    fast = FailFast(share, sessions, lambda: False, lambda: hurried.append(True))  # type: ignore[arg-type]
    assert not fast.forbids("b")
    queue.fail_fast(*KEY, "a")
    assert soon(lambda: sessions.cancelled > 0)
    assert hurried == [True]
    assert (fast.forbids("b"), fast.forbids("a")) == (True, False)
    assert fast.cancels("b", [result(NodeStatus.Error)])
    fast.end()


@pytest.mark.parametrize("status", [NodeStatus.Success, NodeStatus.Warn, NodeStatus.Skipped, NodeStatus.NoOp])
def test_what_is_no_failure_stops_nothing(queue: MemoryNodeQueue, status: NodeStatus) -> None:
    fast = FailFast(share_of(queue, True), Sessions(), lambda: False)  # type: ignore[arg-type]
    fast.look_at("a", [result(status)])
    assert not fast.begun()
    fast.end()


def test_without_the_option_a_failure_is_only_a_failure(queue: MemoryNodeQueue) -> None:
    fast = FailFast(share_of(queue, False), Sessions(), lambda: False)  # type: ignore[arg-type]
    fast.look_at("a", [result(NodeStatus.Error)])
    step = queue.step(*KEY)
    assert step is not None
    assert step.failed_fast is None
    assert not fast.cancels("b", [result(NodeStatus.Error)])
