"""Real runners of a real build on Postgres, killed at random moments: what they leave equals an undisturbed run.

HEADGATE_KILLS says how many of each signal (`make kills`: 20); the seeds are fixed, the moments are not.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.job import RetryPolicy
from tests.integration.runner_stage import Runner, Stage, stage

KILLS = int(os.environ.get("HEADGATE_KILLS", "4"))
KILLS_PER_RUN = 2
RUNNERS = 2
# Of an undisturbed build's time, until the next kill at the latest: a kill after the end would prove nothing.
LONGEST_SHARE = 0.8 / KILLS_PER_RUN
RESTART_SECONDS = 0.5
DATABASE = "kills"


@dataclass(frozen=True)
class Undisturbed:
    """What a build leaves that nobody kills, and how many seconds it takes."""

    seconds: float
    statuses: dict[str, str]
    checksums: dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def shop(postgres: Any, untouched_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(postgres.database(DATABASE)) as on:
        on.publish(untouched_shop, tmp_path_factory.mktemp("bundle"))
        yield on


@pytest.fixture(scope="module")
def undisturbed(postgres: Any, shop: Stage) -> Undisturbed:
    began = time.monotonic()
    shop.build()
    seconds = time.monotonic() - began
    assert shop.unfinished == set()
    return Undisturbed(seconds, shop.statuses, postgres.checksums(DATABASE))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(KILLS // KILLS_PER_RUN))
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_runner_costs_time_and_nothing_else(
    postgres: Any, shop: Stage, undisturbed: Undisturbed, number: signal.Signals, seed: int
) -> None:
    postgres.database(DATABASE)
    # The shop has a snapshot; to build it again after an uncertain end is what this job says.
    shop.begin(runners=RUNNERS, retries=RetryPolicy(non_idempotent=True))
    longest = undisturbed.seconds * LONGEST_SHARE
    killed = _build_and_kill(shop, number, longest, random.Random(f"{number} {seed}"))

    assert killed == KILLS_PER_RUN
    assert shop.unfinished == set()
    assert shop.statuses == undisturbed.statuses
    assert postgres.checksums(DATABASE) == undisturbed.checksums
    again = {node.unique_id for node in shop.world.queue.nodes(*shop.key) if node.claims > 1}
    # Only what a victim had in its hands was built again: its threads' nodes, or the opening or closing.
    assert len(again) <= KILLS_PER_RUN * (shop.environment.threads + 1)
    assert _sessions(postgres, shop) == []


def _build_and_kill(on: Stage, number: signal.Signals, longest: float, dice: random.Random) -> int:
    """Build with two runners, kill one of them now and then, and start it again as the state machine does."""
    running = {runner: on.start(runner) for runner in range(1, RUNNERS + 1)}
    killed = 0
    while killed < KILLS_PER_RUN:
        time.sleep(dice.uniform(0.2, longest))
        alive = [runner for runner, process in running.items() if process.process.poll() is None]
        if not alive:
            break
        victim = dice.choice(alive)
        running[victim].process.send_signal(number)
        code = running[victim].wait()
        # A container says 143 either way: by itself, or ended before Python had imported what listens to signals.
        assert code in (-number, 128 + number, 0), _said(running[victim])
        killed += code != 0
        if code != 0:
            time.sleep(RESTART_SECONDS)
            running[victim] = on.start(victim)
    for process in running.values():
        assert process.wait(120) == 0, _said(process)
    return killed


def _said(runner: Runner) -> str:
    return f"{runner.output[-4000:]}\n{runner.errors[-4000:]}"


def _sessions(postgres: Any, on: Stage) -> list[Any]:
    """What the run still has on the warehouse."""
    run = f"headgate-run-{on.key[0]}."
    found: list[Any] = postgres.query(
        "postgres",
        f"select state, query from pg_stat_activity where application_name like '{run}%'",  # noqa: S608
    )
    return found
