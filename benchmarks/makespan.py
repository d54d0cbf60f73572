"""How close the time of a run is to the least that any schedule needs, on five shapes of projects.

Real runners, real dbt, a real Postgres in which every model sleeps (1.5 s on average), so that the warehouse and not
this machine's cores is the limit. The bound: start-up + the longer of critical path and work / threads.
`python -m benchmarks.makespan [models …]`
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.laptop import laptop
from benchmarks.projects import make_project
from benchmarks.sleepers import SHAPES, make_sleepers
from benchmarks.tables import table

SIZES = (120, 500)
MEAN_SECONDS = 1.5
RUNNERS, THREADS = 2, 4


def measure(sizes: Sequence[int] = SIZES) -> str:
    """The table of this benchmark."""
    rows: list[tuple[object, ...]] = []
    with laptop() as machine, tempfile.TemporaryDirectory() as folder:
        for models in sizes:
            for shape in SHAPES:
                sleepers = make_sleepers(shape, models, MEAN_SECONDS * models)
                project = make_project(machine, Path(folder) / "project", sleepers)
                project.publish(runners=RUNNERS, threads=THREADS)
                found = project.in_runners(RUNNERS)
                bound = sleepers.lower_bound(RUNNERS * THREADS)
                rows.append(
                    (
                        shape,
                        len(sleepers.parents),
                        sleepers.critical_path,
                        bound,
                        found.start_up,
                        found.makespan,
                        found.makespan / (found.start_up + bound),
                        found.cpu,
                    )
                )
    ratios = [row[6] for row in rows]
    rows.append(("**median**", "", "", "", "", "", median(ratios), ""))  # type: ignore[type-var]
    size = f"{RUNNERS} runners with {THREADS} threads, {MEAN_SECONDS} s a model"
    return table(
        f"Makespan, {size} (goal: median 1.20, none above 1.35)",
        (
            "shape",
            "models",
            "critical path s",
            "bound s",
            "start-up s",
            "makespan s",
            "ratio",
            "CPU s, whole stack",
        ),
        rows,
    )


if __name__ == "__main__":
    print(measure([int(size) for size in sys.argv[1:]] or SIZES))
