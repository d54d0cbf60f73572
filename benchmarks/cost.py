"""What a run of 500 models costs at published prices, as one pool of runners and as other designs would cost it.

Arithmetic, not a measurement: domain/cost.py with a makespan of (start-up + lower bound) * 1.05, the ratio that
benchmarks/simulated_makespan.py finds. `python -m benchmarks.cost`
"""

from math import ceil

from benchmarks.tables import table
from headgate.domain.cost import X86, Prices, run_cost

MODELS, EDGES, MEAN_SECONDS, CRITICAL_PATH = 500, 800, 12.0, 300.0
START_UP, THREADS, RATIO = 43.0, 8, 1.05
WORK = MODELS * MEAN_SECONDS
HOURLY = 730


def measure() -> str:
    """The table of this benchmark."""
    runners = ceil(1.15 * WORK / (CRITICAL_PATH * THREADS))
    seconds = RATIO * (START_UP + max(CRITICAL_PATH, WORK / (runners * THREADS)))
    rows = [
        _row(f"{runners} runners x {THREADS} threads, ARM", runners, seconds, Prices()),
        _row(f"{runners} runners x {THREADS} threads, x86", runners, seconds, X86),
        _row("one container x 8 threads, ARM", 1, RATIO * (START_UP + WORK / 8), Prices()),
        _row("a container for each model (a minute each at least), ARM", MODELS, 60.0, Prices()),
    ]
    title = f"A run of {MODELS} models, mean {MEAN_SECONDS:.0f} s, at published prices (goal: ≤ $0.02)"
    return table(
        title,
        ("design", "container s", "Fargate $", "table $", "other $", "run $", "hourly, a month $"),
        rows,
    )


def _row(name: str, runners: int, seconds: float, prices: Prices) -> tuple[object, ...]:
    cost = run_cost(
        nodes=MODELS, edges=EDGES, runners=runners, seconds=seconds, cpu=1024, memory=2048, prices=prices
    )
    other = cost.machine + cost.functions
    parts = (cost.containers, cost.table, other, cost.total)
    return (name, round(runners * seconds), *(f"{part:.4f}" for part in parts), HOURLY * cost.total)


if __name__ == "__main__":
    print(measure())
