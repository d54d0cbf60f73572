"""Every port of a world, with a network in between: requests take time, and may be lost on the way or on the way back.

What goes wrong is drawn for each request from the seed, or is decided by a test (`Weather.force`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from headgate.errors import HeadgateError, UnavailableError
from tests.simulation.history import Entry, History
from tests.simulation.kernel import Kernel, Process

TYPICAL_SECONDS = 0.01
FOCUS = 30.0


class Fate(Enum):
    """What becomes of a request."""

    FINE = "fine"
    REFUSED = "refused"  # nothing was written
    ANSWER_LOST = "answer lost"  # written, and the caller is told that the service did not answer
    KILLED_BEFORE = "killed before"  # the caller dies, the request never leaves
    KILLED_UNDER_WAY = "killed under way"  # the caller dies, the request arrives
    KILLED_AFTER = "killed after"  # the caller dies with the answer
    FROZEN_BEFORE = "frozen before"  # the caller stops for a while, then the request leaves
    FROZEN_AFTER = "frozen after"  # the caller stops for a while, the answer waits


@dataclass
class Weather:
    """How much goes wrong, as probabilities per request; nothing does any more after `until` (virtual seconds).

    slow: requests that take seconds. focus: a request for which everything is FOCUS times as likely. force: a test's
    own decision for the n-th request of a history (from 1).
    """

    refused: float = 0.0
    lost: float = 0.0
    killed: float = 0.0
    frozen: float = 0.0
    slow: float = 0.0
    until: float = float("inf")
    longest_freeze: float = 200.0
    focus: str = ""
    force: Callable[[int, Process, str], Fate | None] | None = None


class Network:
    """Carries the requests of every process to the ports and writes them down when they arrive."""

    def __init__(self, kernel: Kernel, history: History, weather: Weather) -> None:
        self.kernel, self.history, self.weather = kernel, history, weather
        self.requests = 0

    def request(
        self, what: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        """One request from the actor whose turn it is."""
        kernel = self.kernel
        kernel.check()
        actor = kernel.current
        assert actor is not None
        process = actor.process
        self.requests += 1
        fate = self._fate(process, what)
        if fate in (Fate.KILLED_BEFORE, Fate.KILLED_UNDER_WAY):
            self.history.add(Entry(kernel.now, process.name, f"process {fate.value} {what}"))
            kernel.kill(process)
        answer: list[Any] = []

        def arrive() -> None:
            if fate is Fate.REFUSED:
                answer.append(UnavailableError(f"{what}: no answer"))
            else:
                answer.append(self._outcome(call, arguments, keywords))
            self.history.add(Entry(kernel.now, process.name, what, arguments, keywords, answer[0]))
            if fate is Fate.KILLED_AFTER:
                kernel.kill(process)
            if fate is Fate.FROZEN_AFTER:
                self._freeze(process)
            kernel.at(kernel.now, actor)

        if fate is Fate.FROZEN_BEFORE:
            self._freeze(process)
        if fate is not Fate.KILLED_BEFORE:
            kernel.at(max(kernel.now, process.frozen_until) + self._seconds(), arrive)
        kernel.check()
        kernel.suspend()
        if fate is Fate.ANSWER_LOST:
            raise UnavailableError(f"{what}: the answer was lost")
        if isinstance(answer[0], BaseException):
            raise answer[0]
        return answer[0]

    def _freeze(self, process: Process) -> None:
        seconds = self.kernel.random.uniform(1.0, self.weather.longest_freeze)
        self.kernel.freeze(process, seconds)
        self.history.add(Entry(self.kernel.now, process.name, f"process frozen for {seconds:.0f} s"))

    def _outcome(self, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        try:
            return call(*arguments, **keywords)
        except HeadgateError as fault:
            return fault

    def _seconds(self) -> float:
        draw = self.kernel.random.random()
        if draw < self.weather.slow and self.kernel.now < self.weather.until:
            return self.kernel.random.uniform(0.5, 30.0)
        return TYPICAL_SECONDS * (0.5 + draw)

    def _fate(self, process: Process, what: str) -> Fate:
        weather = self.weather
        forced = weather.force(self.requests, process, what) if weather.force else None
        if forced is not None:
            return forced
        if self.kernel.now >= weather.until:
            return Fate.FINE
        draw = self.kernel.random.random() / (FOCUS if what == weather.focus else 1.0)
        for fate, likely in (
            (Fate.REFUSED, weather.refused),
            (Fate.ANSWER_LOST, weather.lost),
            (Fate.KILLED_BEFORE, weather.killed / 3),
            (Fate.KILLED_UNDER_WAY, weather.killed / 3),
            (Fate.KILLED_AFTER, weather.killed / 3),
            (Fate.FROZEN_BEFORE, weather.frozen / 2),
            (Fate.FROZEN_AFTER, weather.frozen / 2),
        ):
            if draw < likely:
                return fate
            draw -= likely
        return Fate.FINE


class Port:
    """Any port, behind the network; its attributes are the port's methods."""

    def __init__(self, network: Network, name: str, inner: object) -> None:
        self._network, self._name, self._inner = network, name, inner

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call, what = getattr(self._inner, method), f"{self._name}.{method}"

        def ported(*arguments: Any, **keywords: Any) -> Any:
            return self._network.request(what, call, arguments, keywords)

        self.__dict__[method] = ported
        return ported
