"""Many histories on all cores, and what was broken in them; or one of them whole."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from tests.simulation.checker import report, violations
from tests.simulation.scenario import make_scenario
from tests.simulation.simulation import Simulation

CHUNK = 50


@dataclass(frozen=True)
class Told:
    """What one seed came to. broken: the report of a history that broke a rule, else empty."""

    seed: int
    requests: int
    runs: Counter[str]
    broken: str


def tell(seed: int) -> Told:
    simulation = Simulation(make_scenario(seed))
    simulation.run()
    found = violations(simulation)
    runs = Counter(run.status.value for run in simulation.world.runs.list_runs(10_000))
    return Told(seed, simulation.network.requests, runs, report(simulation, found) if found else "")


def show(seed: int) -> int:
    """One history, every line of it."""
    simulation = Simulation(make_scenario(seed))
    simulation.run()
    print(simulation.history.text())
    found = violations(simulation)
    print("\n".join(["", *found] if found else ["", "no rule was broken"]))
    return 1 if found else 0


def simulate(seeds: int) -> int:
    """So many histories on every core; progress on stderr, reports of broken ones and one last line on stdout."""
    began, requests, broken = time.monotonic(), 0, 0
    runs: Counter[str] = Counter()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done, told in enumerate(pool.map(tell, range(seeds), chunksize=CHUNK), 1):
            requests += told.requests
            runs += told.runs
            if told.broken:
                broken += 1
                print(told.broken, end="\n\n", flush=True)
            if done % 500 == 0:
                print(f"{done} of {seeds}, {broken} broken", file=sys.stderr, flush=True)
    ended = ", ".join(f"{number} {status}" for status, number in sorted(runs.items()))
    print(
        f"{seeds} histories, {requests} requests, {sum(runs.values())} runs ({ended}) "
        f"in {time.monotonic() - began:.0f} s: {broken} broke a rule"
    )
    return 1 if broken else 0
