"""Leaving with notice: how long a runner stays, and what it hands back while it does; nothing is built here."""

from __future__ import annotations

import time
from dataclasses import replace
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from headgate.domain.run import RunStatus
from headgate.errors import UnavailableError
from headgate_runner.drain import Drain
from headgate_runner.supervision import End, StoppedBySignal
from tests.plans import plan_of

ASKED = StoppedBySignal(15)


class Leaving:
    """A runner that was asked to leave while it builds `a` and `b`; what may end it sooner is given."""

    def __init__(self, **predicted: float) -> None:
        plan = plan_of({"a": (), "b": ()})
        nodes = tuple(replace(one, predicted_seconds=predicted.get(one.unique_id, 0.0)) for one in plan.nodes)
        self.run: Any = SimpleNamespace(cancel=None, status=RunStatus.RUNNING)
        self.halted: str | None = None
        self.end: End | None = None
        self.returned: list[str] = []
        self.abandoned: set[str] = set()
        self.handed_back = Event()
        self.given_up: set[str] = set()
        self.queue: Any = SimpleNamespace(
            in_progress={"a", "b"}, drain=lambda: None, give_up=self._give_up, abandoned=self._abandoned,
            since_when=lambda: dict.fromkeys(self.queue.in_progress, time.monotonic()),
        )  # fmt: skip
        world = SimpleNamespace(runs=SimpleNamespace(get_run=lambda _: self._run()), queue=self)
        self.share: Any = SimpleNamespace(
            plan=replace(plan, nodes=nodes), world=world, session=self, log=SimpleNamespace(write=lambda *_: None),
            supervision=SimpleNamespace(look=lambda: self.end),
        )  # fmt: skip
        self.engine: Any = SimpleNamespace(job_queue=self.queue, sessions=None)

    def _run(self) -> Any:
        if self.run is None:
            raise UnavailableError("away")
        return self.run

    def step(self, *_key: int) -> Any:
        return SimpleNamespace(halted=self.halted)

    def _give_up(self, nodes: set[str]) -> set[str]:
        fresh = nodes - self.given_up
        self.given_up |= fresh
        # Their threads park as soon as their queries are cancelled.
        self.queue.in_progress -= fresh
        return fresh

    def _abandoned(self) -> set[str]:
        found, self.abandoned = self.abandoned, set()
        return found

    def hand_back(self, nodes: set[str]) -> list[str]:
        self.returned += sorted(nodes)
        self.handed_back.set()
        return sorted(nodes)

    def drain(self, seconds: float) -> BaseException | None:
        return Drain(self.share, self.engine, seconds).run(ASKED)


def cancelled(one: Leaving) -> None:
    one.run.cancel = "enough"


def halted(one: Leaving) -> None:
    one.halted = "the database is down"


def ended(one: Leaving) -> None:
    one.run.status = RunStatus.CANCELLED


@pytest.mark.parametrize("stop", [cancelled, halted, ended])
def test_what_nobody_wants_is_not_finished(stop: Any) -> None:
    one = Leaving()
    stop(one)
    began = time.monotonic()
    assert one.drain(60) is ASKED
    assert time.monotonic() - began < 30


def test_the_time_that_there_is_is_used_also_while_no_service_answers() -> None:
    one = Leaving()
    one.run = None
    began = time.monotonic()
    assert one.drain(0.5) is ASKED
    assert time.monotonic() - began >= 0.5
    assert one.returned == []


def test_a_second_signal_and_a_lost_lease_end_it_at_once() -> None:
    one, fault = Leaving(), StoppedBySignal(2)
    one.end = End(fault)
    assert one.drain(60) is fault


def test_what_does_not_fit_and_what_has_not_begun_goes_back_while_the_rest_is_finished() -> None:
    one = Leaving(b=500.0)
    one.abandoned = {"paused"}
    one.queue.in_progress = {"a", "b"}
    one.drain(1.0)
    assert one.handed_back.wait(5)
    assert one.returned == ["b", "paused"]
    assert one.given_up == {"b"}
