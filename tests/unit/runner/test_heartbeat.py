"""The heartbeat goes on through a service's absence and ends with the lease."""

from queue import Queue
from threading import Event

import pytest

from headgate.errors import LeaseLostError, UnavailableError
from headgate_runner.heartbeat import Heartbeat


@pytest.mark.parametrize("fault", [LeaseLostError("taken over"), RuntimeError("a bug")])
def test_whatever_ends_the_lease_is_told_once(fault: Exception) -> None:
    answers: list[Exception | None] = [None, UnavailableError("away"), None, fault]
    told: Queue[BaseException] = Queue()

    def renew() -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    Heartbeat(renew, told.put, 0.001).start()

    assert told.get(timeout=5) is fault
    assert answers == []


def test_a_stopped_heart_beats_no_more() -> None:
    beat, told = Event(), Queue[BaseException]()
    heart = Heartbeat(beat.set, told.put, 0.001)
    heart.start()
    assert beat.wait(5)
    heart.stop()
    heart.join(5)
    beat.clear()
    assert not beat.wait(0.05)


def test_without_progress_the_lease_is_not_renewed() -> None:
    renewed, asked, stalled = Queue[str](), Queue[bool](), Queue[str]()
    answers = [True, False, False, True, False]

    def progresses() -> bool:
        asked.put(True)
        return answers.pop(0) if answers else False

    heart = Heartbeat(
        lambda: renewed.put("renewed"), lambda _: None, 0.001, progresses, lambda: stalled.put("stalled")
    )
    heart.start()
    for _ in range(8):
        asked.get(timeout=5)
    heart.stop()
    heart.join(5)

    assert renewed.qsize() == 2
    # Once each time that it stops, not at each beat.
    assert stalled.qsize() == 2
