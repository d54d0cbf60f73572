"""What one seed is about: environments, jobs, projects, what makes jobs start, and how much goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from headgate.domain.gate import Awaited, Gate
from headgate.domain.index import Index
from headgate.domain.job import Environment, Job, JobsFile, ReusePolicy, RunnerSize
from headgate.domain.results import NodeStatus
from tests.builders import fivetran_gate, make_index, make_node
from tests.simulation.kernel import START
from tests.simulation.ports import Weather
from tests.simulation.runner import Turn
from tests.simulation.services import Mishaps

# When everything begins to go well again.
QUIET_AT = START + 1_200.0
# By then every run has ended: five times what the slowest history of many thousands needed.
DEADLINE = START + 6 * 3_600.0
SECRET = "s3cret"
# Where losing, repeating or delaying a request does most harm.
FOCI = (
    "",
    "bus.publish",
    "machine.start",
    "queue.claim",
    "queue.finish",
    "queue.hand_back",
    "queue.make_ready",
    "queue.release",
    "queue.renew_lease",
    "queue.take_lease",
    "runs.create_run",
    "runs.move",
    "runs.take_slot",
    "slots.give_back",
    "slots.take",
    "states.commit",
    "states.hold",
    "states.let_go",
)


@dataclass(frozen=True)
class Sync:
    """One webhook call: which connector's sync ended, when the sender sends it, and how often."""

    connector: str
    sync_id: str
    sends: tuple[float, ...]


@dataclass(frozen=True)
class Scenario:
    """Everything that is decided before the history begins."""

    seed: int
    jobs: JobsFile
    bundles: Mapping[str, Index]
    syncs: tuple[Sync, ...]
    weather: Weather
    mishaps: Mishaps
    failing: float = 0.0
    skew: float = 0.0
    cancels: tuple[float, ...] = ()
    retries: tuple[float, ...] = ()
    aborts: tuple[float, ...] = ()
    start_seconds: float = 43.0
    longest_seconds: float = 60.0
    quiet_at: float = QUIET_AT
    deadline: float = DEADLINE

    def turn(self, run_id: int, unique_id: str) -> Turn:
        """How long a node takes in a run, and how it ends; the same whoever asks."""
        random = Random(f"{self.seed}/{run_id}/{unique_id}")
        seconds = min(self.longest_seconds, random.lognormvariate(1.0, 1.0))
        if random.random() >= self.failing or unique_id.startswith("step."):
            return Turn(seconds, NodeStatus.PASS if unique_id.startswith("test.") else NodeStatus.SUCCESS)
        failures = [NodeStatus.FAIL, NodeStatus.WARN] if unique_id.startswith("test.") else [NodeStatus.ERROR]
        return Turn(seconds, random.choice(failures))


def make_scenario(seed: int) -> Scenario:
    """The scenario of a seed. A third of the seeds is calm, so that what happens then is looked at as well."""
    random = Random(f"scenario {seed}")
    calm = random.random() < 0.3
    roughness = 0.0 if calm else random.choice([0.3, 1.0, 3.0])
    environments = tuple(
        _environment(random, f"env{n}", seed) for n in range(1, random.choice([1, 1, 2]) + 1)
    )
    jobs = tuple(_job(random, n, environments, seed) for n in range(1, random.randint(1, 3) + 1))
    return Scenario(
        seed=seed,
        jobs=JobsFile(
            environments, jobs, (), max_parallel_runs=Random(f"account {seed}").choice([None, None, 1, 2])
        ),
        bundles={env.name: make_project(random, random.randint(5, 40), env.pools) for env in environments},
        syncs=tuple(_sync(random, n) for n in range(1, random.randint(1, 4) + 1)),
        weather=Weather(
            refused=0.004 * roughness * random.random(),
            lost=0.004 * roughness * random.random(),
            killed=0.002 * roughness * random.random(),
            frozen=0.002 * roughness * random.random(),
            slow=0.005 * roughness * random.random(),
            focus=random.choice(FOCI),
            until=QUIET_AT,
        ),
        mishaps=Mishaps(
            twice=random.choice([0.0, 0.3]),
            late=0.05 * roughness,
            forgotten=0.2 * roughness,
            no_capacity=0.05 * roughness,
            never_starts=0.05 * roughness,
            reclaimed=0.1 * roughness,
            until=QUIET_AT,
        ),
        failing=random.choice([0.0, 0.0, 0.05, 0.2]),
        skew=random.choice([0.0, 2.0, 300.0]),
        cancels=_moments(random, 0.25),
        retries=_moments(random, 0.5),
        aborts=_moments(random, 0.1),
    )


def make_project(random: Random, size: int, pools: Mapping[str, int]) -> Index:
    """A project of so many nodes: models on earlier models, tests on models."""
    nodes = []
    models: list[str] = []
    for number in range(size):
        if models and random.random() < 0.3:
            nodes.append(make_node(f"test.shop.t{number:02}", random.choice(models)))
            continue
        parents = random.sample(models, min(len(models), random.choice([0, 1, 1, 2, 3])))
        materialized = random.choice(["table", "table", "view", "incremental"])
        unique_id = f"model.shop.m{number:02}"
        nodes.append(
            make_node(unique_id, *sorted(parents), materialized=materialized, **_in_pool(random, pools))
        )
        models.append(unique_id)
    return make_index(*nodes)


def _in_pool(random: Random, pools: Mapping[str, int]) -> dict[str, object]:
    return {"pools": (random.choice(sorted(pools)),)} if pools and random.random() < 0.4 else {}


def _environment(random: Random, name: str, seed: int) -> Environment:
    return Environment(
        name,
        "prod",
        "analytics",
        threads=random.randint(1, 4),
        runners=RunnerSize(max=random.randint(1, 4), spot=random.random() < 0.5),
        concurrency=random.choice([None, None, 2, 5]),
        pools=random.choice([{}, {"large": 1}, {"large": 2, "small": 3}]),
        max_parallel_runs=Random(f"limit {seed} {name}").choice([None, None, 1, 2]),
    )


def _job(random: Random, number: int, environments: tuple[Environment, ...], seed: int) -> Job:
    steps = random.choice(
        [
            ("dbt build",),
            ("dbt build",),
            ("dbt build --select +m04 m0*", "dbt build --exclude m0*"),
            ("dbt build --select m01+", "dbt build"),
        ]
    )
    connectors = tuple(sorted(random.sample(["c1", "c2", "c3"], random.randint(1, 2))))
    # Of its own, so that what the rest of the scenario is about does not depend on it.
    reuse = ReusePolicy(unchanged=Random(f"reuse {seed} {number}").random() < 0.4)
    environment = random.choice(environments).name
    queue = Random(f"queue {seed} {number}")
    return Job(
        f"job{number}",
        environment,
        () if queue.random() < 0.2 else steps,
        gates=_gates(connectors, number, Random(f"gates {seed} {number}")),
        reuse=reuse,
        on_conflict=queue.choice(["", "", "", "queue_all", "skip", "cancel_running"]),
        max_parallel_runs=queue.choice([1, 1, 1, 2]),
        priority=queue.choice([0, 0, 5]),
        deactivate_after=queue.choice([100, 100, 1, 2]),
    )


def _gates(connectors: tuple[str, ...], number: int, random: Random) -> tuple[Gate, ...]:
    """What it starts by: every sync; or all connectors, quiet, a deadline; and after the job before it."""
    gate = fivetran_gate(*connectors)
    if random.random() < 0.4:
        gate = replace(
            gate,
            needed=random.choice([1, len(connectors)]),
            debounce=random.choice([0.0, 0.0, 90.0]),
            else_at=random.choice(["", "", "00:15"]),
        )
    if number == 1 or random.random() < 0.6:
        return (gate,)
    before = Awaited(
        "job", f"job{number - 1}", {"status": random.choice([("success",), ("success", "error")])}
    )
    return (gate, Gate("after", (before,)))


def _sync(random: Random, number: int) -> Sync:
    first = START + random.choice([0.0, random.uniform(0.0, 600.0)])
    again = [first + random.uniform(0.0, 100.0) for _ in range(random.randint(0, 2))]
    return Sync(random.choice(["c1", "c2", "c3"]), f"s{number}", (first, *again))


def _moments(random: Random, likely: float) -> tuple[float, ...]:
    if random.random() >= likely:
        return ()
    return tuple(START + random.uniform(1.0, 900.0) for _ in range(random.randint(1, 3)))
