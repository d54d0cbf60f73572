"""Cancel against start, finish, loss and itself, in every order of their calls: one final status, and it is told.

Each actor is a use case in a thread of its own that waits before every call of a port. A scheduler lets one of them
take one step at a time; the choices it made are counted up like the digits of a number, so that no order comes twice.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from threading import Event, Thread
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.run import RunStatus
from headgate.errors import ConflictError, HeadgateError
from headgate.usecases.cancel_run import cancel_run
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.finalize_run import FinalizeRun
from headgate.usecases.plan_run import plan_run
from headgate.usecases.reap_runs import reap_runs
from tests.unit.usecases.conftest import INDEX, JOBS, NO_VARS
from tests.whole_runs import announced, build, start

PORTS = (
    "runs",
    "queue",
    "plans",
    "bundles",
    "artifacts",
    "history",
    "alerts",
    "bus",
    "machine",
    "slots",
    "containers",
)
ORDERS = 1_000


class Actor:
    """One use case, stopped before each of its calls until it is its turn."""

    def __init__(self, world: MemoryWorld, act: Callable[[Any], None]) -> None:
        self._may, self.waits = Event(), Event()
        self.is_done = False
        self._fault: BaseException | None = None
        view = type("View", (), {name: _Gate(getattr(world, name), self._turn) for name in PORTS})()
        view.jobs, view.clock = world.jobs, world.clock
        view.states, view.freshness = world.states, world.freshness
        view.activities = world.activities
        self._thread = Thread(target=self._run, args=(act, view), daemon=True)
        self._thread.start()
        self._settle()

    def _run(self, act: Callable[[Any], None], view: Any) -> None:
        try:
            act(view)
        except BaseException as fault:  # noqa: BLE001 - raised again by the scheduler
            self._fault = fault
        self.is_done = True
        self.waits.set()

    def _turn(self) -> None:
        self.waits.set()
        assert self._may.wait(30)
        self._may.clear()

    def _settle(self) -> None:
        assert self.waits.wait(30)
        if self._fault is not None:
            raise self._fault

    def step(self) -> None:
        """Let it make its next call and go on to the one after."""
        self.waits.clear()
        self._may.set()
        self._settle()


class _Gate:
    """A port of which every call is a turn."""

    def __init__(self, port: Any, turn: Callable[[], None]) -> None:
        self._port, self._turn = port, turn

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._turn()
            return method(*arguments, **named)

        return call


@dataclass
class Choices:
    """Which of those that could go on went on, each time: (chosen, of how many)."""

    planned: list[int] = field(default_factory=list)
    made: list[tuple[int, int]] = field(default_factory=list)

    def choose(self, number: int) -> int:
        at = len(self.made)
        chosen = self.planned[at] if at < len(self.planned) else 0
        self.made.append((chosen, number))
        return chosen

    def following(self) -> "list[int] | None":
        """The next order, as one counts: the last choice that could have been another one is."""
        digits = list(self.made)
        while digits:
            chosen, number = digits.pop()
            if chosen + 1 < number:
                return [digit for digit, _ in digits] + [chosen + 1]
        return None


class Shuffled(Choices):
    """Any order at all, by a seed: reaches what counting up comes to late."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = Random(seed)

    def choose(self, number: int) -> int:
        self.made.append((self._random.randrange(number), number))
        return self.made[-1][0]


def orders(limit: int) -> Iterator[Choices]:
    """Half of them counted up from the first, half shuffled."""
    planned: list[int] | None = []
    for _ in range(limit // 2):
        if planned is None:
            return
        choices = Choices(planned)
        yield choices
        planned = choices.following()
    yield from (Shuffled(seed) for seed in range(limit - limit // 2))


def new_world() -> MemoryWorld:
    world = MemoryWorld()
    world.jobs.apply(JOBS)
    world.bundles._files["d" * 64, f"{NO_VARS}/index.msgpack"] = INDEX.encode()
    world.jobs.point_at("production", "d" * 64)
    start(world)
    return world


def finalize_of(ports: Any) -> FinalizeRun:
    return FinalizeRun.of(ports, "")


def dispatching(ports: Any) -> None:
    dispatch_runs(1, ports)


def cancelling(ports: Any, who: str = "by ana") -> None:
    with suppress(ConflictError):
        cancel_run(1, who, runs=ports.runs, machine=ports.machine, queue=ports.queue, bus=ports.bus)


def planning(ports: Any) -> dict[str, object]:
    return plan_run(1, 1, ports).to_state()


def ending(ports: Any) -> None:
    finalize_of(ports)(1, 1)


def stopped(ports: Any, reason: str = "by hand") -> None:
    """The status event of an execution that was stopped."""
    finalize_of(ports).after_execution(1, "ABORTED", reason)


def reaping(ports: Any) -> None:
    names = ("runs", "queue", "plans", "machine", "containers", "slots", "clock")
    reap_runs(
        finalize=finalize_of(ports),
        dispatch=partial(dispatch_runs, None, ports),
        **{name: getattr(ports, name) for name in names},
    )


def waiting(world: MemoryWorld) -> None:
    """Nothing happened yet."""


def planned(world: MemoryWorld) -> None:
    dispatching(world)
    planning(world)


def built(world: MemoryWorld) -> None:
    from tests.whole_runs import session

    planned(world)
    build(session(world))


SCENES: dict[str, tuple[Callable[[MemoryWorld], None], list[Callable[[Any], object]]]] = {
    "cancel and start": (waiting, [dispatching, cancelling]),
    "cancel and two starts": (waiting, [dispatching, dispatching, cancelling]),
    "cancel and cancel and start": (waiting, [dispatching, cancelling, partial(cancelling, who="by ben")]),
    "cancel and plan": (dispatching, [planning, cancelling]),
    "cancel and finish": (built, [ending, cancelling]),
    "cancel and finish and the event of the stop": (built, [ending, cancelling, stopped]),
    "stop in AWS and cancel": (planned, [stopped, cancelling]),
    "cancel, reaper and finish": (built, [ending, cancelling, reaping]),
    "reaper and the event of a stop, twice": (planned, [stopped, stopped, reaping]),
}


def play(world: MemoryWorld, actors: list[Callable[[Any], object]], choices: Choices) -> None:
    cast = [Actor(world, act) for act in actors]  # type: ignore[arg-type]
    while able := [actor for actor in cast if not actor.is_done]:
        able[choices.choose(len(able))].step()


def settle(world: MemoryWorld) -> None:
    """What the world does afterwards, in whatever state the actors left it: the machine goes on, the reaper comes."""
    for _ in range(4):
        execution = next(iter(world.machine.started), None)
        run = world.runs.get_run(1)
        if execution and not world.machine.status(run).is_over:  # type: ignore[union-attr]
            if planning(world)["build"]:
                from tests.whole_runs import session

                with suppress(HeadgateError):
                    build(session(world))
            finalize_of(world)(1, 1)
            world.machine.ended[execution] = type(world.machine.status(run))("SUCCEEDED")  # type: ignore[call-arg]
        reaping(world)


@pytest.mark.parametrize("name", SCENES)
def test_in_every_order_a_run_ends_once_and_says_how(name: str) -> None:
    prepare, actors = SCENES[name]
    seen: set[tuple[str, int]] = set()
    for choices in orders(ORDERS // len(SCENES) + 1):
        world = new_world()
        finals: list[str] = []
        move = world.runs.move

        def watched(
            run_id: int, target: RunStatus, move: Any = move, finals: Any = finals, **changes: Any
        ) -> bool:
            moved: bool = move(run_id, target, **changes)
            finals += [target.value] if moved and target.is_final else []
            return moved

        world.runs.move = watched  # type: ignore[method-assign]
        prepare(world)
        play(world, actors, choices)
        settle(world)
        run = world.runs.get_run(1)
        order = [chosen for chosen, _ in choices.made]
        assert finals == [run.status.value], order
        assert set(announced(world)) == {run.status.value}, order
        assert (run.status is RunStatus.CANCELLED) == (run.error or "").startswith("cancelled "), order
        assert world.slots.pools("production") == [], order
        following = start(world, key="next")
        assert world.runs.take_slot(following), order
        seen.add((run.status.value, len(order)))
    assert {status for status, _ in seen} <= {"cancelled", "success"}


def test_the_orders_are_all_different() -> None:
    tried = set()
    for choices in orders(200):
        play(new_world(), [dispatching, cancelling], choices)
        tried.add(tuple(chosen for chosen, _ in choices.made))
    assert len(tried) > 30
