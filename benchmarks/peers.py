"""Headgate beside other ways to run the same project with the same number of threads, in turns.

Plain `dbt build`; one dbt process for each model, two at once; waves (a dbt process for each level of the graph);
Dagster with dagster-dbt in its own environment. Everybody pays their own start; nobody parses from scratch.
`python -m benchmarks.peers`
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.dagster_peer import materialize
from benchmarks.laptop import Laptop, laptop
from benchmarks.projects import Cost, Project, make_project
from benchmarks.sleepers import make_sleepers
from benchmarks.tables import table

MEAN_SECONDS = 1.5
SHORT_SECONDS = 0.5
ROUNDS = 2
RUNNERS, THREADS = 2, 4
SLOTS = RUNNERS * THREADS
Peer = Callable[[Project], Cost]


def plain(project: Project) -> Cost:
    return project.plainly("build", threads=SLOTS)


def process_per_model(project: Project) -> Cost:
    """What orchestrators do that make every model a task of its own; parents before children."""
    commands = [project.dbt("run", "--select", model, threads=1) for model in project.sleepers.parents]
    return project.cost_of(commands, beside=2)


def waves(project: Project) -> Cost:
    """What orchestrators do that know the graph but start a process for each of its levels."""
    costs = [project.plainly("run", "--select", *level, threads=SLOTS) for level in project.sleepers.levels()]
    return Cost(sum(cost.wall for cost in costs), sum(cost.cpu for cost in costs))


def measure() -> str:
    """The tables of this benchmark."""
    with laptop() as machine, tempfile.TemporaryDirectory() as folder:
        compare = _Comparison(machine, Path(folder))
        in_waves = {"waves, 8 threads": (waves, 2.5)}
        rows = [
            *compare("layers", 500, MEAN_SECONDS, {"plain dbt build, 8 threads": (plain, 1.0)}),
            *compare("layers", 120, MEAN_SECONDS, in_waves | {"Dagster": (materialize, 1.3)}),
            *compare("layers", 120, SHORT_SECONDS, in_waves),
            *compare("long chain", 120, MEAN_SECONDS, in_waves),
            *compare(
                "layers", 24, MEAN_SECONDS, {"a process per model, 2 at once": (process_per_model, 5.0)}
            ),
        ]
    return table(
        f"{RUNNERS} runners with {THREADS} threads beside others (medians; seconds from request to final status)",
        (
            "project",
            "peer",
            "peer wall s",
            "peer CPU s",
            "Headgate wall s",
            "Headgate CPU s",
            "times faster",
            "goal",
        ),
        rows,
    )


class _Comparison:
    """One project, Headgate and its peers one after the other, again and again."""

    def __init__(self, machine: Laptop, folder: Path) -> None:
        self._machine, self._folder = machine, folder

    def __call__(
        self, shape: str, models: int, mean_seconds: float, peers: dict[str, tuple[Peer, float]]
    ) -> list[tuple[object, ...]]:
        sleepers = make_sleepers(shape, models, mean_seconds * models)
        project = make_project(self._machine, self._folder / "project", sleepers)
        project.publish(runners=RUNNERS, threads=THREADS)
        project.plainly("parse", threads=1)  # not counted: fills the partial parse that the peers start from
        ours: list[Cost] = []
        theirs: dict[str, list[Cost]] = {name: [] for name in peers}
        for _ in range(ROUNDS):
            found = project.in_runners(RUNNERS)
            ours.append(Cost(found.whole, found.cpu))
            for name, (peer, _) in peers.items():
                theirs[name].append(peer(project))
        mine, described = _median(ours), f"{models} models, {shape}, mean {mean_seconds} s"
        return [
            (described, name, cost.wall, cost.cpu, mine.wall, mine.cpu, cost.wall / mine.wall, f"≥ {peers[name][1]}")
            for name, cost in ((name, _median(costs)) for name, costs in theirs.items())
        ]  # fmt: skip


def _median(costs: list[Cost]) -> Cost:
    return Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))


if __name__ == "__main__":
    print(measure())
