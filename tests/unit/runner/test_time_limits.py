"""A time limit cancels once it has passed, until the attempt is over, and never afterwards."""

from queue import Queue
from threading import Event
from time import sleep

import pytest

from headgate_runner import time_limits
from headgate_runner.time_limits import TimeLimit, worded


def test_within_its_limit_an_attempt_is_left_alone() -> None:
    cancelled = Event()
    with TimeLimit(0.05, cancelled.set) as limit:
        pass
    sleep(0.1)
    assert not limit.passed
    assert not cancelled.is_set()


def test_without_a_limit_nothing_happens() -> None:
    with TimeLimit(None, lambda: None) as limit:
        sleep(0.01)
    assert not limit.passed


def test_a_cancel_that_found_nothing_is_repeated_until_the_attempt_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time_limits, "AGAIN_SECONDS", 0.01)
    cancels: Queue[str] = Queue()
    with TimeLimit(0.01, lambda: cancels.put("cancel")) as limit:
        for _ in range(3):
            cancels.get(timeout=5)
    assert limit.passed
    after = cancels.qsize()
    sleep(0.05)
    assert cancels.qsize() == after


def test_the_end_of_an_attempt_waits_for_a_cancel_on_its_way() -> None:
    begun, done = Event(), Event()

    def cancel() -> None:
        begun.set()
        sleep(0.2)
        done.set()

    with TimeLimit(0.01, cancel):
        assert begun.wait(5)
    assert done.is_set()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1200, "20m"), (5400, "1h30m"), (45, "45s"), (3661, "1h1m1s"), (0.5, "0.5s"), (1.0, "1s")],
)
def test_durations_are_said_as_in_a_jobs_file(seconds: float, words: str) -> None:
    assert worded(seconds) == words
