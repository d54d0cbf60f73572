"""How close a run's time is to the least that any schedule needs, at sizes that no laptop can build: simulated.

The planner, every runner's QueueSession and the queue's rules are the real ones; dbt, the warehouse and the network
are virtual seconds: 43 s until a runner begins, 0.15 s of dbt's own per node, 8 ms per request, an index that shows
a write 0.3 s late. Layered projects (35 % staging, 30 % intermediate, 35 % marts), lognormal durations (sigma 1),
predictions that are wrong by 40 %. The bound: start-up + the longer of critical path and work / threads of all
runners that were started; in the last column, of all that the environment allows.
`python -m benchmarks.simulated_makespan`
"""

import heapq
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import mean
from typing import Any, cast

from benchmarks.tables import table
from headgate.adapters.memory import MemoryNodeQueue
from headgate.domain.command import Command
from headgate.domain.graph import bottom_levels, build_graph
from headgate.domain.index import Index, Node
from headgate.domain.job import Environment, RunnerSize
from headgate.domain.plan import CLOSING, Plan
from headgate.domain.plan_step import plan_step
from headgate.domain.queue import Claim, NodeState, StepRecord, initial_records
from headgate.domain.results import NodeResult, NodeStatus
from headgate.ports import NodeQueue
from headgate.usecases.run_nodes import Idle, Over, QueueSession
from headgate_runner.shared_queue import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS

START_SECONDS, NODE_SECONDS, REQUEST_SECONDS, LAG_SECONDS, RENEW_SECONDS = 43.0, 0.15, 0.008, 0.3, 15.0
# nodes, mean seconds, runners, threads
CASES = ((500, 4.0, 4, 8), (500, 12.0, 4, 8), (2_000, 8.0, 8, 8), (10_000, 6.0, 16, 8))
SEEDS = (1, 2, 3, 4, 5)
DBT = "1.11.16"
_ORDER = {NodeState.READY: 0, NodeState.RUNNING: 1, NodeState.WAITING: 2}


def measure(cases: Sequence[tuple[int, float, int, int]] = CASES) -> str:
    """The table of this benchmark."""
    rows = []
    for nodes, seconds, runners, threads in cases:
        made = [_Project(Random(seed), nodes, seconds) for seed in SEEDS]
        wrong = [_build(project, runners, threads, project.predicted) for project in made]
        right = [_build(project, runners, threads, project.seconds) for project in made]
        rows.append(
            (
                f"{nodes} x {seconds:.0f} s",
                f"{mean(found.runners for found in wrong):.1f} of {runners}",
                threads,
                mean(found.bound for found in wrong),
                mean(found.makespan for found in wrong),
                mean(found.ratio for found in wrong),
                max(found.ratio for found in wrong),
                mean(found.ratio for found in right),
                mean(found.makespan / found.least for found in wrong),
            )
        )
    columns = (
        "nodes",
        "runners",
        "threads",
        "bound s",
        "makespan s",
        "ratio",
        "worst",
        "exact predictions",
        "bound of all runners allowed",
    )
    return table(f"Makespan, simulated, {len(SEEDS)} projects each (goal: ratio 1.05)", columns, rows)


@dataclass(frozen=True)
class Found:
    """Seconds, all with the start-up. bound: with the runners that were started; least: with all that were allowed."""

    runners: int
    bound: float
    least: float
    makespan: float

    @property
    def ratio(self) -> float:
        return self.makespan / self.bound


class _Project:
    """A layered project with what its nodes take, and what is believed that they take."""

    def __init__(self, random: Random, nodes: int, mean_seconds: float) -> None:
        layers = [round(nodes * share) for share in (0.35, 0.30)]
        layers.append(nodes - sum(layers))
        made: list[str] = []
        self.parents: dict[str, tuple[str, ...]] = {}
        for layer, size in enumerate(layers):
            below = list(made)
            for number in range(size):
                name = f"model.big.l{layer}_{number:05}"
                # Most parents are in the layers below, some are in the same layer.
                near = made[len(below) :] if layer and random.random() < 0.2 else []
                choice = near or below
                self.parents[name] = tuple(
                    sorted(random.sample(choice, min(len(choice), random.choice([1, 2, 3]))))
                )
                made.append(name)
        # The mean of a lognormal with sigma 1 is e^0.5.
        raw = {name: random.lognormvariate(0.0, 1.0) / 1.6487 * mean_seconds for name in made}
        self.seconds = {name: seconds + NODE_SECONDS for name, seconds in raw.items()}
        self.predicted = {name: self.seconds[name] * random.lognormvariate(0.0, 0.4) for name in made}
        graph = build_graph(self.parents)
        self.work = sum(self.seconds.values())
        self.critical_path = max(bottom_levels(graph, self.seconds).values())

    @property
    def index(self) -> Index:
        nodes = {name: _node(name, parents) for name, parents in self.parents.items()}
        return Index(dbt_version=DBT, nodes=nodes)


def _node(unique_id: str, parents: tuple[str, ...]) -> Node:
    name = unique_id.rpartition(".")[2]
    return Node(
        unique_id=unique_id,
        name=name,
        resource_type="model",
        package_name="big",
        fqn=("big", name),
        original_file_path=f"models/{name}.sql",
        materialized="table",
        depends_on=parents,
        enabled=True,
    )


def _build(project: _Project, runners: int, threads: int, predicted: Mapping[str, float]) -> Found:
    environment = Environment("big", "prod", "analytics", threads, RunnerSize(max=runners))
    plan = plan_step(
        project.index,
        Command.parse("dbt build"),
        run_id=1,
        step=1,
        bundle="b",
        environment=environment,
        predictions=predicted,
    )
    bound, least = (
        START_SECONDS + max(project.critical_path, project.work / (count * threads))
        for count in (plan.runners, runners)
    )
    return Found(plan.runners, bound, least, _Run(plan, project.seconds).makespan())


class _Clock:
    """The time of the event that is looked at, and of the requests that were made since."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class _Distant:
    """Anything behind a network: each request takes a moment."""

    def __init__(self, inner: object, clock: _Clock) -> None:
        self._inner, self._clock = inner, clock

    def __getattr__(self, name: str) -> Any:
        self._clock.time += REQUEST_SECONDS
        return getattr(self._inner, name)


class _LateQueue(MemoryNodeQueue):
    """The queue, with an index that shows writes late."""

    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self._clock = clock
        self._shown: list[tuple[int, float, str]] = []
        self._places: dict[str, tuple[int, float, str]] = {}
        self._news: deque[tuple[float, str, NodeState | None]] = deque()
        self._priority: dict[str, float] = {}

    def write(self, step: StepRecord, nodes: Sequence[Any]) -> None:
        super().write(step, nodes)
        for node in nodes:
            self._priority[node.unique_id] = node.priority
            self._show(node.unique_id, node.state)

    def _set(self, key: tuple[int, int], node: Any) -> Any:
        state = node.state if node.state in _ORDER else None
        self._news.append((self._clock.time + LAG_SECONDS, node.unique_id, state))
        return super()._set(key, node)

    def open_nodes(
        self, run_id: int, step: int, *, limit: int | None = None, consistent: bool = False
    ) -> list[tuple[str, NodeState]]:
        if consistent:
            return super().open_nodes(run_id, step, limit=limit, consistent=True)
        while self._news and self._news[0][0] <= self._clock.time:
            _, unique_id, state = self._news.popleft()
            self._show(unique_id, state)
        states = list(_ORDER)
        return [(unique_id, states[order]) for order, _, unique_id in self._shown[:limit]]

    def _show(self, unique_id: str, state: NodeState | None) -> None:
        known = self._places.pop(unique_id, None)
        if known is not None:
            del self._shown[bisect_left(self._shown, known)]
        if state is not None:
            place = (_ORDER[state], -self._priority[unique_id], unique_id)
            self._places[unique_id] = place
            insort(self._shown, place)


@dataclass
class _Runner:
    session: QueueSession
    building: int = 0
    pause: float = FIRST_PAUSE_SECONDS
    # The entry of the agenda that counts: a runner asks for one node at a time.
    asks: int = 0
    busy_until: float = 0.0
    closing: bool = False
    over: bool = False


@dataclass
class _Run:
    """The events of one run, without threads: whose turn it is by time."""

    plan: Plan
    seconds: Mapping[str, float]
    _agenda: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _entries: int = 0
    _ended_at: float = 0.0

    def makespan(self) -> float:
        self._clock = _Clock()
        self._random = Random(0)
        queue = _LateQueue(self._clock)
        queue.write(StepRecord(1, 1, len(self.plan.nodes), self.plan.runners, ""), initial_records(self.plan))
        for number in range(1, self.plan.runners + 1):
            session = QueueSession(
                cast(NodeQueue, _Distant(queue, self._clock)), self._clock, self.plan, number
            )
            runner = _Runner(session)
            self._at(START_SECONDS, lambda runner=runner: self._begin(runner))  # type: ignore[misc]
        while self._agenda:
            self._clock.time, _, event = heapq.heappop(self._agenda)
            event()
        return self._ended_at

    def _at(self, when: float, event: Callable[[], None]) -> None:
        self._entries += 1
        heapq.heappush(self._agenda, (when, self._entries, event))

    def _begin(self, runner: _Runner) -> None:
        runner.session.begin()
        self._beat(runner)
        self._ask_at(runner, self._clock.time)

    def _beat(self, runner: _Runner) -> None:
        if not runner.over:
            runner.session.renew()
            self._at(self._clock.time + RENEW_SECONDS, lambda: self._beat(runner))

    def _ask_at(self, runner: _Runner, when: float) -> None:
        runner.asks += 1
        asks = runner.asks
        self._at(max(when, runner.busy_until), lambda: self._ask(runner, asks))

    def _ask(self, runner: _Runner, asks: int) -> None:
        if asks != runner.asks or runner.over or runner.building >= self.plan.threads:
            return
        answer = runner.session.next()
        runner.busy_until = self._clock.time
        if isinstance(answer, Over):
            runner.over = True
        elif isinstance(answer, Idle):
            self._ask_at(runner, self._clock.time + runner.pause * self._random.uniform(0.5, 1.0))
            runner.pause = min(2 * runner.pause, LONGEST_PAUSE_SECONDS)
        else:
            self._build(runner, answer)

    def _build(self, runner: _Runner, claim: Claim) -> None:
        runner.building += 1
        runner.pause = FIRST_PAUSE_SECONDS
        seconds = self.seconds.get(claim.unique_id, NODE_SECONDS)
        self._at(self._clock.time + seconds, lambda: self._end(runner, claim.unique_id))
        self._ask_at(runner, self._clock.time)

    def _end(self, runner: _Runner, unique_id: str) -> None:
        own = unique_id not in self.seconds
        entry = {"unique_id": unique_id, "status": "success", "execution_time": 1.0}
        runner.session.finish(unique_id, None if own else NodeResult(unique_id, NodeStatus.SUCCESS, entry, 1))
        self._ended_at = max(self._ended_at, self._clock.time)
        runner.over = runner.over or unique_id == CLOSING
        self._at(self._clock.time, lambda: self._free(runner))

    def _free(self, runner: _Runner) -> None:
        runner.building -= 1
        runner.pause = FIRST_PAUSE_SECONDS
        self._ask_at(runner, self._clock.time)


if __name__ == "__main__":
    print(measure())
