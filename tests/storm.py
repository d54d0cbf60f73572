"""A step built by runners that freeze, die and lose answers, checked at every change of the queue."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

from headgate.adapters.memory import MemoryClock, MemoryNodeQueue, MemorySlots
from headgate.domain.plan import CLOSING, OPENING, Plan
from headgate.domain.queue import Claim, NodeRecord, NodeState
from headgate.domain.results import NodeResult, NodeStatus
from headgate.errors import LeaseLostError, UnavailableError
from headgate.usecases.free_slots import free_slots
from headgate.usecases.run_nodes import Over, QueueSession
from tests.faults import Unreliable
from tests.plans import plan_of, result_of, write

KEY = (7, 1)
POOLS = {"warehouse": 4, "large": 1}
RUNNERS = 3
TICK_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
# The weather lasts for 15 minutes, long enough for most steps to end in it; one that is not closed an hour later is
# stuck.
STORMY_TICKS, TICKS = 900, 4500


class ViolationError(AssertionError):
    """Something that must never happen did."""


class CheckedQueue(MemoryNodeQueue):
    """The queue in memory, refusing to let a rule be broken in silence."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._parents = {node.unique_id: node.parents or (OPENING,) for node in plan.nodes}
        self._parents |= {OPENING: (), CLOSING: (OPENING, *self._parents)}
        # node -> whose claim is the latest
        self._owners: dict[str, tuple[int, int]] = {}

    def _set(self, key: tuple[int, int], node: NodeRecord) -> NodeRecord:
        nodes = self._nodes[key]
        before = nodes[node.unique_id].state
        if before is NodeState.DONE:
            raise ViolationError(f"{node.unique_id} was done, and is {node.state} again")
        if node.state in (NodeState.RUNNING, NodeState.DONE):
            for parent in self._parents[node.unique_id]:
                if nodes[parent].state is not NodeState.DONE:
                    raise ViolationError(f"{node.unique_id} is {node.state} before {parent} is done")
        if node.state is NodeState.RUNNING:
            self._owners[node.unique_id] = (node.runner or 0, node.epoch or 0)
        return super()._set(key, node)

    def finish(
        self,
        run_id: int,
        step: int,
        unique_id: str,
        result: NodeResult | None,
        *,
        runner: int,
        epoch: int,
        at: str,
    ) -> bool:
        done = super().finish(run_id, step, unique_id, result, runner=runner, epoch=epoch, at=at)
        if done and self._owners[unique_id] != (runner, epoch):
            raise ViolationError(f"{unique_id} was finished by {(runner, epoch)}, not by its owner")
        return done

    def hand_back(
        self, run_id: int, step: int, unique_id: str, *, runner: int, epoch: int, uncertain: bool = False
    ) -> bool:
        done = super().hand_back(run_id, step, unique_id, runner=runner, epoch=epoch, uncertain=uncertain)
        if done and self._owners[unique_id] != (runner, epoch):
            raise ViolationError(f"{unique_id} was handed back by {(runner, epoch)}, not by its owner")
        return done


class CheckedSlots(MemorySlots):
    """Slots that say when more hold a place than there are places."""

    def take(self, environment: str, pool: str, holder: str, limit: int) -> bool:
        taken = super().take(environment, pool, holder, limit)
        if len(self.holders(environment, pool)) > limit:
            raise ViolationError(f"{pool} has more holders than places")
        return taken


@dataclass
class Process:
    """One container: its session, what dbt builds in it, and until when it stands still or is gone."""

    session: QueueSession
    building: dict[str, float] = field(default_factory=dict)
    beat_at: float = 0.0
    until: float = 0.0
    over: bool = False


class Storm:
    """Builds a random plan; `end` returns when the step is closed, or raises ViolationError."""

    def __init__(self, seed: int, *, faults: float = 0.1, lives: float = 0.004, **kinds: Any) -> None:
        self.random, self.clock = Random(seed), MemoryClock()
        self.plan = random_plan(self.random)
        self.queue: MemoryNodeQueue = kinds.get("queue", CheckedQueue)(self.plan)
        self.slots = kinds.get("slots", CheckedSlots)()
        self._session = kinds.get("session", QueueSession)
        self._lives = lives
        write(self.queue, self.plan)
        self._shaken = (
            Unreliable(self.queue, self.random, faults),
            Unreliable(self.slots, self.random, faults),
        )
        self._running = {runner: self._start(runner) for runner in range(1, RUNNERS + 1)}
        # Containers that were given up while they stood still; they wake late, and do not know it.
        self._zombies: list[tuple[int, Process]] = []
        # Writes of processes that stood still between a look at their lease and the write: (when, the write).
        self._late: list[tuple[float, Callable[[], object]]] = []

    def end(self) -> None:
        for tick in range(TICKS):
            self.clock.advance(TICK_SECONDS)
            if tick == STORMY_TICKS:
                self._calm()
            for runner, process in list(self._running.items()):
                self._live(runner, process)
            for runner, process in self._zombies:
                if process.until <= self.clock.now():
                    self._act(runner, process)
            for due, late_write in self._late:
                if due <= self.clock.now():
                    late_write()
            self._late = [late for late in self._late if late[0] > self.clock.now()]
            if all(process.over for process in self._running.values()):
                return
        raise ViolationError(f"stuck: {dict(self.queue.open_nodes(*KEY))}")

    def _calm(self) -> None:
        self._lives = 0.0
        for port in self._shaken:
            port.share = 0.0

    def _start(self, runner: int) -> Process:
        queue, slots = self._shaken
        session = self._session(queue, self.clock, self.plan, runner, slots)
        return Process(session, until=self.clock.now() + self.random.uniform(0, 5))

    def _live(self, runner: int, process: Process) -> None:
        now = self.clock.now()
        if process.over or now < process.until:
            return
        if self.random.random() < self._lives:
            # Frozen for a while: its queries go on. Some come back before anybody noticed, some long after.
            process.until = now + self.random.choice([20, 55, 90, 200])
            self._delay_writes(runner, process)
            if self.random.random() < 0.5:
                self._zombies.append((runner, process))
                self._running[runner] = self._start(runner)
                self._running[runner].until = now + self.random.uniform(5, 100)
            return
        if self.random.random() < self._lives or not self._act(runner, process):
            # Killed: ECS starts the container again.
            self._running[runner] = self._start(runner)
            self._running[runner].until = now + self.random.uniform(5, 60)

    def _delay_writes(self, runner: int, process: Process) -> None:
        """What was on its way when the process froze arrives when it wakes, without another look at the lease."""
        owner = {"runner": runner, "epoch": process.session.epoch, "at": "late"}
        for node in process.building:
            finish = partial(self.queue.finish, *KEY, node, self._result(node), **owner)
            self._late.append((process.until, finish))
        ready = [node for node, state in self.queue.open_nodes(*KEY) if state is NodeState.READY]
        self._late += [(process.until, partial(self.queue.claim, *KEY, node, **owner)) for node in ready[:1]]

    def _act(self, runner: int, process: Process) -> bool:
        """One moment of a container. False: it ended, and somebody has to start it again."""
        try:
            self._step(process)
        except LeaseLostError:
            process.until = float("inf")
            return False
        except UnavailableError:
            # Sometimes the container dies of it, mostly what failed is tried again.
            if self.random.random() < 0.04:
                process.until = float("inf")
                return False
        return True

    def _step(self, process: Process) -> None:
        session, now = process.session, self.clock.now()
        if session.epoch == 0:
            session.begin()
            process.beat_at = now
        if now - process.beat_at >= HEARTBEAT_SECONDS:
            session.renew()
            process.beat_at = now
        for node in [node for node, ends in process.building.items() if ends <= now]:
            session.finish(node, self._result(node))
            del process.building[node]
        if process.building and self.random.random() < 0.01:
            for node in session.hand_back([self.random.choice(sorted(process.building))]):
                del process.building[node]
        if len(process.building) < self.plan.threads:
            answer = session.next()
            if isinstance(answer, Over):
                session.end()
                process.over = True
            elif isinstance(answer, Claim):
                process.building[answer.unique_id] = now + self.random.uniform(0, 20)

    def _result(self, node: str) -> NodeResult | None:
        if node in (OPENING, CLOSING):
            return None
        return result_of(node, self.random.choice([NodeStatus.SUCCESS, NodeStatus.ERROR]))

    @property
    def faults(self) -> int:
        return sum(port.faults for port in self._shaken)

    def check(self) -> None:
        """What holds after the end: everything done, every place free once the leases of the dead are looked at."""
        open_nodes = self.queue.open_nodes(*KEY, consistent=True)
        if open_nodes:
            raise ViolationError(f"left over: {open_nodes}")
        for record in self.queue.runners(*KEY):
            self.queue.end_lease(*KEY, record.runner, record.epoch, None)
        free_slots(self.plan.environment, slots=self.slots, queue=self.queue)
        if self.slots.pools(self.plan.environment):
            raise ViolationError("places are held by nobody")


def random_plan(random: Random) -> Plan:
    ids = [f"n{number:02d}" for number in range(random.randint(4, 14))]
    parents: Mapping[str, tuple[str, ...]] = {
        node: tuple(sorted(random.sample(ids[:at], min(at, random.choice([0, 1, 1, 2])))))
        for at, node in enumerate(ids)
    }
    plan = plan_of(parents, runners=RUNNERS)
    nodes = tuple(
        replace(node, pools=tuple(random.sample(sorted(POOLS), random.randint(0, 2)))) for node in plan.nodes
    )
    return replace(plan, nodes=nodes, pools=POOLS)
