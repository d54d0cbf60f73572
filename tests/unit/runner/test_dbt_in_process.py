"""What counts as progress: dbt's run thread comes back to the queue while nodes are built, and need not otherwise."""

from threading import Event, Thread
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest

from headgate_runner.dbt_in_process import PROGRESS_SECONDS, DbtInProcess
from headgate_runner.invocation import Invocation


def running(phase: str, *, seconds_ago: float, draining: bool = False, alive: bool = True) -> DbtInProcess:
    queue = SimpleNamespace(ticked_at=monotonic() - seconds_ago, draining=draining, stopped=False)
    dbt: Any = DbtInProcess.__new__(DbtInProcess)
    dbt._invocation = SimpleNamespace(task=SimpleNamespace(phase=phase, job_queue=queue))
    dbt._thread = Thread(target=Event().wait if alive else lambda: None, daemon=True)
    dbt._thread.start()
    if not alive:
        dbt._thread.join()
    found: DbtInProcess = dbt
    return found


@pytest.mark.parametrize("phase", ["waiting", "building"])
def test_a_thread_that_does_not_come_back_to_the_queue_hangs(phase: str) -> None:
    assert running(phase, seconds_ago=PROGRESS_SECONDS - 5).progresses()
    assert not running(phase, seconds_ago=PROGRESS_SECONDS + 5).progresses()


@pytest.mark.parametrize("phase", ["starting", "opening", "joining", "closing"])
def test_hooks_and_imports_take_what_they_take(phase: str) -> None:
    assert running(phase, seconds_ago=10_000).progresses()


def test_a_runner_that_drains_or_has_ended_has_nothing_to_come_back_for() -> None:
    assert running("building", seconds_ago=10_000, draining=True).progresses()
    assert running("building", seconds_ago=10_000, alive=False).progresses()


def test_a_runner_that_was_stopped_before_dbt_was_ready_claims_nothing_afterwards() -> None:
    """Between its goodbye and its end, dbt may come to its first claim."""
    queue = SimpleNamespace(stopped=False)
    queue.stop = lambda: setattr(queue, "stopped", True)
    share: Any = SimpleNamespace()
    dbt: Any = DbtInProcess.__new__(DbtInProcess)
    dbt._invocation = invocation = Invocation(share)
    dbt.stop("stopped by SIGTERM")

    engine: Any = lambda *_: SimpleNamespace(job_queue=queue)  # noqa: E731
    invocation._make(engine, None, None, None)
    assert queue.stopped
