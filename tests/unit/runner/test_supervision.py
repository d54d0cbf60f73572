"""The first end of a runner's work counts, and a signal is one of them."""

import os
import signal
from threading import Timer

import pytest

from headgate.errors import LeaseLostError
from headgate_runner.supervision import StoppedBySignal, Supervision


def test_the_first_end_counts() -> None:
    supervision, first = Supervision(), ValueError("first")
    supervision.report(first)
    supervision.report(None)
    assert supervision.wait() is first


def test_work_that_ended_well_gives_nothing() -> None:
    supervision = Supervision()
    Timer(0.01, supervision.report, [None]).start()
    assert supervision.wait() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_an_end_with_its_name(number: signal.Signals) -> None:
    supervision, before = Supervision(), signal.getsignal(number)
    with supervision.signals():
        os.kill(os.getpid(), number)
        ended = supervision.wait()
    assert isinstance(ended, StoppedBySignal)
    assert (ended.number, str(ended)) == (number, f"stopped by {number.name}")
    assert signal.getsignal(number) is before


def test_an_end_that_was_told_before_the_signal_counts() -> None:
    supervision = Supervision()
    with supervision.signals():
        supervision.report(None)
        os.kill(os.getpid(), signal.SIGTERM)
        assert supervision.wait() is None


def test_a_check_that_fails_is_an_end_even_while_a_service_blocks() -> None:
    supervision, fault = Supervision(), LeaseLostError("not renewed in time")
    answers = [None, None, fault]
    supervision.watch(lambda: answers.pop(0))
    assert supervision.wait() is fault
    assert answers == []


def test_each_signal_is_told_once() -> None:
    supervision = Supervision()
    with supervision.signals():
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        told = [supervision.look() for _ in range(3)]
    numbers = [end.fault.number for end in told if end and isinstance(end.fault, StoppedBySignal)]
    assert (numbers, told[2]) == ([signal.SIGTERM, signal.SIGINT], None)
