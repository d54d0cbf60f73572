"""What goes wrong with real runners: signals, kills, a lost lease, a dead database. Nothing hangs or is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.plan import CLOSING, OPENING
from headgate.domain.queue import NodeState
from tests.integration import runner_stage
from tests.integration.runner_stage import Stage, stage

SMALL = Path(__file__).parents[1] / "fixtures" / "small"
SLOW = "model.small.slow"
# A notice as long as what a runner keeps for saying goodbye: nothing can be finished in it.
AT_ONCE = {"HEADGATE_STOP_SECONDS": "20"}
GREEN = {"success", "pass", "warn", "no-op"}


@pytest.fixture(scope="module")
def published(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(postgres.database("faults")) as on:
        on.publish(SMALL, tmp_path_factory.mktemp("bundle"))
        yield on


@pytest.fixture
def small(postgres: Any, published: Stage) -> Stage:
    """The small project, published, with an empty database."""
    postgres.database("faults")
    return published


until = partial(runner_stage.until, seconds=60)


def queries(postgres: Any) -> list[str]:
    """What runs on the server for any run of ours."""
    return [
        query
        for (query,) in postgres.query(
            "postgres",
            "select query from pg_stat_activity where datname = 'faults' and state <> 'idle' "
            "and application_name like 'headgate-run-%'",
        )
    ]


def sleeps(postgres: Any, seconds: int) -> Callable[[], bool]:
    """Whether the query that was told to sleep this long runs. The hook and the model both sleep, 0 s if not told."""
    return lambda: any(f"pg_sleep({seconds})" in query for query in queries(postgres))


def ended_green(on: Stage) -> bool:
    return on.unfinished == set() and set(on.statuses.values()) <= GREEN


def test_sigterm_without_time_to_finish_hands_back_cancels_and_leaves_a_log(
    postgres: Any, small: Stage
) -> None:
    small.begin(runners=1)
    runner = small.start(1, SMALL_SLEEP="60", **AT_ONCE)
    until(sleeps(postgres, 60))
    assert small.state_of(SLOW) is NodeState.RUNNING
    asked = time.monotonic()
    runner.process.send_signal(signal.SIGTERM)

    assert runner.wait() == 143
    assert time.monotonic() - asked < 5
    assert small.state_of(SLOW) is NodeState.READY
    assert SLOW not in small.statuses
    assert queries(postgres) == []
    [record] = small.world.queue.runners(*small.key)
    assert (record.ended, record.error) == (True, "stopped by SIGTERM")
    assert any(SLOW in line["message"] for line in small.world.artifacts.logs(*small.key))

    assert small.start(1).wait() == 0
    assert ended_green(small)


def test_sigterm_in_a_hook_lets_another_runner_open_the_step(postgres: Any, small: Stage) -> None:
    small.begin()
    first = small.start(1, SMALL_HOOK_SLEEP="60", **AT_ONCE)
    until(sleeps(postgres, 60))
    second = small.start(2)
    first.process.send_signal(signal.SIGTERM)

    assert first.wait() == 143
    assert second.wait() == 0
    assert ended_green(small)
    assert postgres.query("faults", "select count(*) from analytics.audit where what = 'start'") == [(1,)]


def test_a_killed_runners_hook_does_not_go_on_beside_its_repetition(postgres: Any, small: Stage) -> None:
    small.begin(runners=1)
    first = small.start(1, SMALL_HOOK_SLEEP="300")
    until(sleeps(postgres, 300))
    first.process.kill()
    first.wait()
    assert sleeps(postgres, 300)()

    assert small.start(1).wait() == 0
    assert ended_green(small)
    assert queries(postgres) == []


def test_sigterm_before_dbt_is_there_ends_at_once(small: Stage) -> None:
    small.begin(runners=1)
    runner = small.start(1)
    until(lambda: bool(small.world.queue.runners(*small.key)))
    asked = time.monotonic()
    runner.process.send_signal(signal.SIGTERM)

    assert runner.wait() == 143
    assert time.monotonic() - asked < 5
    assert small.state_of(OPENING) is NodeState.READY


def test_a_lost_lease_ends_the_runner_and_its_queries(postgres: Any, small: Stage) -> None:
    small.begin(runners=1)
    runner = small.start(1, SMALL_SLEEP="60")
    until(sleeps(postgres, 60))
    small.world.queue.take_lease(*small.key, 1, time.time() + 60)

    assert runner.wait(15) == 75
    assert queries(postgres) == []
    assert SLOW not in small.statuses


def test_a_database_that_is_down_halts_the_step_with_dbts_message_and_no_secret(small: Stage) -> None:
    secret = {"SHOP_PG_HOST": "/very-secret-place", "DBT_ENV_SECRET_PLACE": "very-secret-place"}
    small.begin()
    runners = [small.start(number, **secret) for number in (1, 2)]

    assert [runner.wait() for runner in runners] == [0, 0]
    assert "Database Error" in str(small.halted)
    assert "/*****/" in str(small.halted)
    assert all("Database Error" in runner.output for runner in runners)
    assert small.state_of("seed.small.letters") is NodeState.WAITING
    assert small.world.queue.runners(*small.key)[0].error is None
    said = "".join(runner.output + runner.errors for runner in runners)
    assert "very-secret-place" not in said + str(small.world.artifacts.logs(*small.key)) + str(small.halted)


def test_a_runner_may_be_killed_at_every_worst_moment_and_the_run_completes(
    postgres: Any, small: Stage
) -> None:
    """After it opened, before it claims, after it built, after it closed; each time before it could record it."""
    small.begin(runners=1)
    for twist in (f"record:{OPENING}", f"claim:{SLOW}", f"record:{SLOW}", f"record:{CLOSING}"):
        assert small.start(1, twist).wait() == -signal.SIGKILL
        assert small.unfinished

    assert small.start(1).wait() == 0
    assert ended_green(small)
    claims = {node.unique_id: node.claims for node in small.world.queue.nodes(*small.key)}
    assert (claims[OPENING], claims[SLOW], claims[CLOSING], claims["model.small.base"]) == (2, 2, 2, 1)
    merged = {result["unique_id"] for result in small.run_results()["results"]}
    assert {SLOW, "operation.small.small-on-run-start-0", "operation.small.small-on-run-end-0"} <= merged


def test_a_runner_killed_while_it_builds_leaves_nothing_in_the_way(postgres: Any, small: Stage) -> None:
    small.begin()
    first = small.start(1, SMALL_SLEEP="300")
    until(sleeps(postgres, 300))
    first.process.kill()
    first.wait()
    assert queries(postgres)
    again, other = small.start(1), small.start(2)

    assert [again.wait(), other.wait()] == [0, 0]
    assert ended_green(small)
    assert [record.epoch for record in small.world.queue.runners(*small.key)] == [2, 1]
    assert queries(postgres) == []


@pytest.mark.parametrize(
    ("part", "spoilt", "said"),
    [
        ("project.zip", lambda body: body[: len(body) // 2], "not a whole zip file"),
        ("project.zip", None, "has no project.zip"),
        (
            "bundle.json",
            lambda body: body.replace(b'"target": "prod"', b'"target": "dev"'),
            "another project",
        ),
        ("partial_parse.msgpack", lambda body: body[: len(body) // 2], "cannot be read by this dbt"),
    ],
    ids=["truncated", "missing", "of another project", "parse truncated"],
)
def test_a_bundle_that_is_not_as_published_halts_the_step_before_dbt_starts(
    small: Stage, part: str, spoilt: Callable[[bytes], bytes] | None, said: str
) -> None:
    small.begin(runners=1)
    stored = small.world.bundles._files
    before = dict(stored)
    try:
        for key in [key for key in stored if key[1].endswith(part)]:
            body = stored.pop(key)
            if spoilt is not None:
                stored[key] = spoilt(body)
        runner = small.start(1)

        # Not the code that makes the state machine start it again.
        assert runner.wait() == 0
        assert said in str(small.halted)
        assert "Running with dbt" not in runner.output
    finally:
        stored.update(before)
