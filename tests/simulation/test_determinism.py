"""One seed is one history: within a process, and in processes that order their sets differently."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from tests.simulation.kernel import START, Kernel, Killed, Process
from tests.simulation.scenario import make_scenario
from tests.simulation.simulation import Simulation

REPOSITORY = Path(__file__).resolve().parents[2]
SEEDS = (3, 9, 20)


def history_of(seed: int) -> str:
    simulation = Simulation(make_scenario(seed))
    simulation.run()
    return simulation.history.text()


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_the_same_seed_gives_the_same_history() -> None:
    for seed in SEEDS:
        assert history_of(seed) == history_of(seed)


def test_another_seed_gives_another_history() -> None:
    assert len({history_of(seed) for seed in SEEDS}) == len(SEEDS)


def test_a_history_does_not_depend_on_the_order_of_sets() -> None:
    code = (
        "from tests.simulation.test_determinism import *\n"
        "for seed in SEEDS: print(digest(history_of(seed)))\n"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(REPOSITORY)},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
            timeout=240,
        ).stdout.split()
        for hash_seed in ("1", "2")
    ]
    assert told[0] == told[1] == [digest(history_of(seed)) for seed in SEEDS]


def test_only_one_actor_runs_and_time_is_virtual() -> None:
    kernel = Kernel(1)
    seen: list[tuple[float, str]] = []

    def live(name: str, pause: float) -> None:
        for _ in range(3):
            kernel.sleep(pause)
            seen.append((kernel.now - START, name))

    process = Process("p")
    kernel.spawn(process, "slow", lambda: live("slow", 10.0))
    kernel.spawn(process, "quick", lambda: live("quick", 4.0))
    kernel.run(START + 1_000.0)
    kernel.close()

    assert seen == [
        (4.0, "quick"),
        (8.0, "quick"),
        (10.0, "slow"),
        (12.0, "quick"),
        (20.0, "slow"),
        (30.0, "slow"),
    ]


def test_the_dead_do_nothing_and_the_frozen_do_it_late() -> None:
    kernel = Kernel(1)
    seen: list[tuple[float, str]] = []

    def live(name: str) -> None:
        try:
            kernel.sleep(10.0)
            seen.append((kernel.now - START, name))
        except Killed:
            seen.append((kernel.now - START, f"{name} died"))
            raise

    dead, frozen = Process("dead"), Process("frozen")
    kernel.spawn(dead, "dead", lambda: live("dead"))
    kernel.spawn(frozen, "frozen", lambda: live("frozen"))
    kernel.at(START + 5.0, lambda: kernel.kill(dead))
    kernel.at(START + 5.0, lambda: kernel.freeze(frozen, 60.0))
    kernel.run(START + 1_000.0)
    kernel.close()

    assert seen == [(5.0, "dead died"), (65.0, "frozen")]
    assert not kernel.crashes
