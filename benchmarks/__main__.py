"""`make bench`: every benchmark, one after the other, as Markdown; `python -m benchmarks NAME …` for some of them."""

import sys
from importlib import import_module

# From what takes seconds to what takes minutes.
BENCHMARKS = (
    "cost",
    "plan_scale",
    "simulated_makespan",
    "latency",
    "deliveries",
    "runner_cost",
    "overhead",
    "selection_scale",
    "large_run",
    "seed_case",
    "peers",
    "makespan",
)


def main() -> None:
    for name in sys.argv[1:] or BENCHMARKS:
        print(import_module(f"benchmarks.{name}").measure(), flush=True)


if __name__ == "__main__":
    main()
