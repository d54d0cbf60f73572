"""A runner's life beside others: it leaves with notice, it hangs, it is frozen and wakes up too late."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.queue import NodeState
from tests.integration.runner_stage import Runner, Stage, stage, until

FLAKY = Path(__file__).parents[1] / "fixtures" / "flaky"
WOBBLY, CALM, CHILD = "model.flaky.wobbly", "model.flaky.calm", "model.flaky.child"
QUEUE = "headgate.usecases"
# A lease of ten seconds, of which the last three are fenced; others take over after twelve without a sign of life.
SHORT = ",".join(
    [
        f"{QUEUE}.keep_lease.LEASE_SECONDS=10",
        f"{QUEUE}.keep_lease.FENCE_SECONDS=3",
        "headgate.domain.queue.FENCE_SECONDS=3",
        f"{QUEUE}.watch_leases.LEASE_SECONDS=10",
        f"{QUEUE}.watch_leases.MARGIN_SECONDS=2",
        f"{QUEUE}.run_nodes.SWEEP_SECONDS=0.5",
        "headgate_runner.dbt_in_process.PROGRESS_SECONDS=7",
        "headgate_runner.shared_queue.TICK_SECONDS=0.5",
    ]
)


@pytest.fixture(scope="module")
def published(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(postgres.database("life")) as on:
        on.publish(FLAKY, tmp_path_factory.mktemp("bundle"))
        yield on


@pytest.fixture
def flaky(postgres: Any, published: Stage) -> Stage:
    """The flaky project, published, with an empty database."""
    postgres.database("life")
    return published


@pytest.fixture
def started() -> Iterator[list[Runner]]:
    """Runners of a test that may end before they do."""
    runners: list[Runner] = []
    yield runners
    for runner in runners:
        if runner.process.poll() is None:
            runner.process.kill()
            runner.wait()


def sessions(postgres: Any) -> list[tuple[str, str]]:
    """What any run of ours has open on the server: state and latest statement."""
    found: list[tuple[str, str]] = postgres.query(
        "postgres",
        "select state, query from pg_stat_activity "
        "where datname = 'life' and application_name like 'headgate-run-%'",
    )
    return found


def sleeping(postgres: Any, how: str) -> Callable[[], bool]:
    return lambda: any(state == "active" and how in query for state, query in sessions(postgres))


def is_frozen(runner: Runner) -> bool:
    stat = Path(f"/proc/{runner.process.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "T"


def predict(on: Stage, **seconds: float) -> None:
    """Give nodes of the planned run (by name) another predicted duration."""
    assert on.plan is not None
    nodes = tuple(
        replace(one, predicted_seconds=seconds.get(one.unique_id.split(".")[2], one.predicted_seconds))
        for one in on.plan.nodes
    )
    on.world.plans.put_plan(replace(on.plan, nodes=nodes))


# Leaving with notice --------------------------------------------------------------------------------------------


def test_with_notice_a_runner_finishes_what_fits_and_hands_back_the_rest_at_once(
    postgres: Any, flaky: Stage, started: list[Runner]
) -> None:
    flaky.begin(runners=1)
    predict(flaky, calm=1.0, wobbly=500.0)
    runner = flaky.start(1, FLAKY_CALM="6", FLAKY_TIMES="1", FLAKY_HOW="sleep", HEADGATE_STOP_SECONDS="60")
    started.append(runner)
    until(sleeping(postgres, "pg_sleep(6)"))
    until(sleeping(postgres, "stumble"))
    runner.process.send_signal(signal.SIGTERM)

    until(lambda: flaky.state_of(WOBBLY) is NodeState.READY)
    assert flaky.state_of(CALM) is NodeState.RUNNING
    assert not sleeping(postgres, "stumble")()
    assert runner.wait() == 143
    assert flaky.statuses[CALM] == "success"
    assert WOBBLY not in flaky.statuses
    assert sessions(postgres) == []
    [record] = flaky.world.queue.runners(*flaky.key)
    assert (record.ended, record.error) == (True, "stopped by SIGTERM")

    assert flaky.start(1).wait() == 0
    assert set(flaky.statuses.values()) <= {"success", "pass"}
    claims = {node.unique_id: node.claims for node in flaky.world.queue.nodes(*flaky.key)}
    assert (claims[CALM], claims[WOBBLY]) == (1, 2)


def test_what_a_cancelled_run_builds_is_cancelled_at_once(
    postgres: Any, flaky: Stage, started: list[Runner]
) -> None:
    flaky.begin(runners=1)
    predict(flaky, calm=1.0)
    runner = flaky.start(1, FLAKY_CALM="300")
    started.append(runner)
    until(sleeping(postgres, "pg_sleep(300)"))
    assert flaky.world.runs.request_cancel(flaky.key[0], "enough")
    runner.process.send_signal(signal.SIGTERM)

    assert runner.wait(30) == 143
    assert sessions(postgres) == []
    assert CALM not in flaky.statuses


def test_whoever_asks_twice_is_answered_at_once(postgres: Any, flaky: Stage, started: list[Runner]) -> None:
    flaky.begin(runners=1)
    predict(flaky, calm=1.0)
    runner = flaky.start(1, FLAKY_CALM="300")
    started.append(runner)
    until(lambda: flaky.state_of(CALM) is NodeState.RUNNING)
    until(sleeping(postgres, "pg_sleep(300)"))
    runner.process.send_signal(signal.SIGTERM)
    time.sleep(1.5)
    assert runner.process.poll() is None
    runner.process.send_signal(signal.SIGINT)

    assert runner.wait(30) == 128 + signal.SIGINT
    assert sessions(postgres) == []
    assert flaky.state_of(CALM) is NodeState.READY


# Lost, and still there ------------------------------------------------------------------------------------------


def test_a_runner_that_hangs_is_found_within_two_leases(flaky: Stage, started: list[Runner]) -> None:
    flaky.begin(runners=2)
    hanging = flaky.start(1, f"hang:{CHILD}", TEST_CONSTANTS=SHORT)
    started.append(hanging)
    until(lambda: flaky.statuses.get(WOBBLY) == "success")
    hangs_since = time.monotonic()
    other = flaky.start(2, TEST_CONSTANTS=SHORT)
    started.append(other)

    # Two leases, and a machine that is busy.
    assert hanging.wait(60) == 75
    assert time.monotonic() - hangs_since < 2 * 10 + 10
    assert other.wait(60) == 0, other.output + other.errors
    assert "hangs" in hanging.output
    assert flaky.unfinished == set()
    assert set(flaky.statuses.values()) <= {"success", "pass"}


def test_a_frozen_runner_that_wakes_too_late_writes_nothing(
    postgres: Any, flaky: Stage, started: list[Runner]
) -> None:
    flaky.begin(runners=2)
    frozen = flaky.start(1, FLAKY_TIMES="1", FLAKY_HOW="sleep", TEST_CONSTANTS=SHORT)
    started.append(frozen)
    until(sleeping(postgres, "stumble"))
    frozen.process.send_signal(signal.SIGSTOP)
    other = flaky.start(2, TEST_CONSTANTS=SHORT)
    started.append(other)

    assert other.wait(90) == 0, other.output + other.errors
    assert flaky.unfinished == set()
    assert sessions(postgres) == []
    before = postgres.checksums("life")
    results = flaky.results
    frozen.process.send_signal(signal.SIGCONT)

    assert frozen.wait(30) == 75, frozen.output + frozen.errors
    assert postgres.checksums("life") == before
    assert flaky.results == results
    assert sessions(postgres) == []
    owners = {node.unique_id: node.runner for node in flaky.world.queue.nodes(*flaky.key)}
    assert (owners[WOBBLY], owners[CHILD]) == (2, 2)


@pytest.mark.parametrize("moment", [f"opening:{WOBBLY}", "inserted:seed.flaky.letters"])
def test_a_runner_frozen_between_two_statements_sends_no_more_of_them(
    postgres: Any, flaky: Stage, started: list[Runner], moment: str
) -> None:
    """Where there is no session yet, and where nothing on the server tells which node it is for."""
    # Over tables that are there already, what is late would be in nobody's way.
    flaky.build(twists=("",))
    flaky.begin(runners=2)
    frozen = flaky.start(1, moment, FLAKY_TIMES="0", TEST_CONSTANTS=SHORT)
    started.append(frozen)
    until(lambda: is_frozen(frozen))
    other = flaky.start(2, TEST_CONSTANTS=SHORT)
    started.append(other)

    assert other.wait(90) == 0, other.output + other.errors
    assert flaky.unfinished == set()
    assert [query for state, query in sessions(postgres) if state.startswith("idle in transaction")] == []
    before = postgres.query("life", "select oid, relname, relfilenode from pg_class order by oid")
    frozen.process.send_signal(signal.SIGCONT)

    assert frozen.wait(30) == 75, frozen.output + frozen.errors
    assert postgres.query("life", "select oid, relname, relfilenode from pg_class order by oid") == before
    assert set(flaky.statuses.values()) <= {"success", "pass"}
