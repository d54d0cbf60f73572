"""Virtual time and one thing at a time: the same seed gives the same history, bit for bit.

The code under test is synchronous, so every actor has a thread of its own; a baton makes sure that exactly one of them
runs. An actor gives the baton away when it sleeps, waits, or has a request under way to a port. Whoever gives it away
takes the next event from the agenda and hands the baton to whom that event belongs, so there is no scheduler thread.

A process is what dies, freezes and keeps time together: a Lambda's invocation, a runner's container.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from threading import Lock, Thread

START = 1_767_225_600.0


class Killed(BaseException):
    """This actor's process is dead; nothing it does from here on happens."""


@dataclass(eq=False)
class Process:
    """skew: how far its clock is ahead of true time, in seconds."""

    name: str
    skew: float = 0.0
    on_death: Callable[[], None] = lambda: None
    alive: bool = True
    frozen_until: float = 0.0
    actors: list[Actor] = field(default_factory=list)


@dataclass(eq=False)
class Actor:
    """One thread of a process. turn: raised each time it goes on, so that wake-ups of before are void."""

    process: Process
    name: str
    body: Callable[[], None]
    thread: _Thread | None = None
    turn: int = 0
    waits: bool = False
    ended: bool = False


class Kernel:
    """The agenda of a history. `crashes` collects what actors raised that nobody expects: always a fault."""

    def __init__(self, seed: object) -> None:
        self.random = Random(f"{seed}")
        self.now = START
        self.current: Actor | None = None
        self.crashes: list[tuple[str, BaseException]] = []
        self.over: Callable[[], bool] = lambda: False
        self._agenda: list[tuple[float, float, int, Actor | Callable[[], None], int]] = []
        self._entries = 0
        self._until = float("inf")
        self._baton = Lock()
        self._baton.acquire()
        self._actors: list[Actor] = []

    # What happens when ----------------------------------------------------------------------------------------

    def at(self, when: float, event: Actor | Callable[[], None]) -> None:
        """Put an event on the agenda: an actor to go on, or something to be done. Ties are broken by the seed."""
        self._entries += 1
        turn = event.turn if isinstance(event, Actor) else 0
        heapq.heappush(self._agenda, (when, self.random.random(), self._entries, event, turn))

    def spawn(self, process: Process, name: str, body: Callable[[], None], delay: float = 0.0) -> Actor:
        """A new actor; it begins after `delay`, unless its process is dead by then."""
        actor = Actor(process, name, body)
        process.actors.append(actor)
        self._actors.append(actor)
        self.at(self.now + delay, actor)
        return actor

    def kill(self, process: Process) -> None:
        """Process death: requests that are under way may still arrive, nothing else happens."""
        if process.alive:
            process.alive = False
            for actor in process.actors:
                if not actor.ended and actor is not self.current:
                    self.at(self.now, actor)
            process.on_death()

    def freeze(self, process: Process, seconds: float) -> None:
        """It does nothing for a while and does not notice."""
        process.frozen_until = max(process.frozen_until, self.now + seconds)

    # What actors do -------------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        actor = self._me()
        self.at(self.now + seconds, actor)
        self._give_away(actor)

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until somebody calls `wake`, or for so many seconds."""
        actor = self._me()
        actor.waits = True
        if seconds is not None:
            self.at(self.now + seconds, actor)
        self._give_away(actor)

    def wake(self, actor: Actor) -> None:
        if actor.waits:
            actor.waits = False
            self.at(self.now, actor)

    def suspend(self) -> None:
        """Go on when an event resumes this actor: a request was answered."""
        self._give_away(self._me())

    def check(self) -> None:
        """Raises Killed in an actor whose process is dead."""
        self._me()

    def _me(self) -> Actor:
        actor = self.current
        if actor is None:
            raise RuntimeError("only an actor may do that")
        if not actor.process.alive:
            raise Killed(actor.process.name)
        return actor

    # The baton ------------------------------------------------------------------------------------------------

    def run(self, until: float) -> None:
        """Let everything happen up to `until`, or until `over`."""
        self._until = until
        self._hand_over(self._advance())
        self._baton.acquire()
        self.current = None

    def close(self) -> None:
        """Unwind every actor that is left."""
        self._agenda.clear()
        for actor in self._actors:
            actor.process.alive = False
        for actor in self._actors:
            if not actor.ended and actor.thread is not None:
                self._hand_over(actor)
                self._baton.acquire()
        self._actors.clear()
        self.current = None

    def _give_away(self, actor: Actor) -> None:
        following = self._advance()
        if following is not actor:
            assert actor.thread is not None
            mine = actor.thread.baton
            self._hand_over(following)
            mine.acquire()
        self.current = actor
        actor.turn += 1
        actor.waits = False
        if not actor.process.alive:
            raise Killed(actor.process.name)

    def _advance(self) -> Actor | None:
        """Do what is due until it is an actor's turn; None: the history is over."""
        self.current = None
        while self._agenda and not self.over():
            when, tie, entry, event, turn = heapq.heappop(self._agenda)
            if when > self._until:
                heapq.heappush(self._agenda, (when, tie, entry, event, turn))
                break
            self.now = max(self.now, when)
            if not isinstance(event, Actor):
                event()
            elif event.ended or event.turn != turn:
                continue
            elif event.process.frozen_until > self.now and event.process.alive:
                self.at(event.process.frozen_until, event)
            elif event.thread is not None or event.process.alive:
                return event
        return None

    def _hand_over(self, actor: Actor | None) -> None:
        self.current = actor
        if actor is None:
            self._baton.release()
        elif actor.thread is None:
            actor.turn += 1
            actor.thread = _Thread.idle.pop() if _Thread.idle else _Thread()
            actor.thread.job = (self, actor)
            actor.thread.baton.release()
        else:
            actor.thread.baton.release()

    def _live(self, actor: Actor) -> None:
        try:
            actor.body()
        except Killed:
            pass
        except BaseException as fault:  # noqa: BLE001 - whatever it is, the checker must see it
            self.crashes.append((actor.name, fault))
        actor.ended = True
        actor.process.actors.remove(actor)


class _Thread(Thread):
    """Lends itself to one actor after the other: starting a thread costs more than most actors do."""

    idle: list[_Thread] = []  # noqa: RUF012 - shared by all kernels on purpose

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.baton = Lock()
        self.baton.acquire()
        self.job: tuple[Kernel, Actor] | None = None
        self.start()

    def run(self) -> None:
        while True:
            self.baton.acquire()
            assert self.job is not None
            kernel, actor = self.job
            self.job = None
            kernel._live(actor)
            following = kernel._advance()
            _Thread.idle.append(self)
            kernel._hand_over(following)
            del kernel, actor, following


class ProcessClock:
    """A process' own idea of time (port Clock)."""

    def __init__(self, kernel: Kernel, process: Process) -> None:
        self._kernel, self._process = kernel, process

    def now(self) -> float:
        return self._kernel.now + self._process.skew

    def sleep(self, seconds: float) -> None:
        self._kernel.sleep(seconds)
