"""Attempts and time limits with real dbt on Postgres: what may pass is built again without anybody noticing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.error_class import BUILT_IN
from headgate.domain.job import RetryPolicy
from tests.integration.runner_stage import Runner, Stage, stage

FLAKY = Path(__file__).parents[1] / "fixtures" / "flaky"
WOBBLY, CALM, CHILD = "model.flaky.wobbly", "model.flaky.calm", "model.flaky.child"
# As they are, but without long pauses.
QUICK = tuple(replace(one, first_seconds=0.05, longest_seconds=0.1) for one in BUILT_IN if one.retry)


@pytest.fixture(scope="module")
def published(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(postgres.database("attempts")) as on:
        on.publish(FLAKY, tmp_path_factory.mktemp("bundle"))
        yield on


@pytest.fixture
def flaky(postgres: Any, published: Stage) -> Stage:
    """The flaky project, published, with an empty database."""
    postgres.database("attempts")
    return published


def begin(on: Stage, retries: RetryPolicy | None = None, runners: int = 1, **wobbly: Any) -> None:
    """A run whose node `wobbly` was planned with these fields."""
    plan = on.begin(runners=runners, error_classes=QUICK, retries=retries or RetryPolicy())
    nodes = tuple(replace(one, **wobbly) if one.unique_id == WOBBLY else one for one in plan.nodes)
    on.world.plans.put_plan(replace(plan, nodes=nodes))


def build(on: Stage, times: int, how: str, **variables: str) -> Runner:
    runner = on.start(1, FLAKY_TIMES=str(times), FLAKY_HOW=how, **variables)
    assert runner.wait(90) == 0, runner.output + runner.errors
    return runner


def messages(on: Stage, unique_id: str) -> list[str]:
    return [line["message"] for line in on.world.artifacts.logs(*on.key) if line["node"] == unique_id]


@pytest.mark.parametrize("how", ["conflict", "deadlock", "lost"])
def test_a_node_that_fails_twice_and_then_succeeds_leaves_a_green_run(
    postgres: Any, flaky: Stage, how: str
) -> None:
    begin(flaky)
    runner = build(flaky, 2, how)

    assert set(flaky.statuses.values()) <= {"success", "pass"}
    assert flaky.statuses[CHILD] == "success"
    assert flaky.unfinished == set()
    assert sum("again in" in message for message in messages(flaky, WOBBLY)) == 2
    # One dbt, one turn: nothing of the failed attempts but log lines.
    assert sum("begins, attempt" in line["message"] for line in runner.lines) == 1
    [claims] = [node.claims for node in flaky.world.queue.nodes(*flaky.key) if node.unique_id == WOBBLY]
    assert claims == 1
    merged = flaky.run_results()["results"]
    assert sorted(one["unique_id"] for one in merged) == sorted({one["unique_id"] for one in merged})
    [entry] = [one for one in merged if one["unique_id"] == WOBBLY]
    assert entry["status"] == "success"
    # The ephemeral parent was injected again.
    assert "__dbt__cte__part as" in entry["compiled_code"]
    assert postgres.query("attempts", "select id, fine from analytics.wobbly") == [(1, 1)]


def test_after_the_last_attempt_the_failure_is_a_record_and_the_children_are_skipped(flaky: Stage) -> None:
    begin(flaky, RetryPolicy(max=1))
    build(flaky, 99, "conflict")
    assert (flaky.statuses[WOBBLY], flaky.statuses[CHILD]) == ("error", "skipped")
    assert sum("again in" in message for message in messages(flaky, WOBBLY)) == 1


def test_what_the_job_does_not_repeat_fails_at_once(flaky: Stage) -> None:
    begin(flaky, RetryPolicy(on=("network",)))
    build(flaky, 1, "conflict")
    assert flaky.statuses[WOBBLY] == "error"
    assert not any("again in" in message for message in messages(flaky, WOBBLY))


def test_a_time_limit_cancels_its_node_alone(postgres: Any, flaky: Stage) -> None:
    begin(flaky, timeout_seconds=2.0)
    build(flaky, 1, "sleep", FLAKY_CALM="4")

    assert flaky.statuses[WOBBLY] == "error"
    [result] = [one for one in flaky.results if one.unique_id == WOBBLY]
    assert result.entry["message"] == "timed out after 2s"
    assert (flaky.statuses[CALM], flaky.statuses[CHILD]) == ("success", "skipped")
    asked = (
        "select count(*) from pg_stat_activity "
        "where datname = 'attempts' and query like '%stumble%' and state = 'active'"
    )
    assert postgres.query("postgres", asked) == [(0,)]


def test_a_timeout_is_repeated_where_the_job_says_so(flaky: Stage) -> None:
    begin(flaky, RetryPolicy(on=("timeout",)), timeout_seconds=2.0)
    build(flaky, 1, "sleep")
    assert (flaky.statuses[WOBBLY], flaky.statuses[CHILD]) == ("success", "success")


def test_after_a_timeout_a_node_that_would_write_twice_is_not_repeated(flaky: Stage) -> None:
    begin(flaky, RetryPolicy(on=("timeout",)), timeout_seconds=2.0, repeatable=False)
    build(flaky, 1, "sleep")
    assert flaky.statuses[WOBBLY] == "error"


@pytest.mark.parametrize("allowed", [False, True])
def test_a_lost_runners_node_that_would_write_twice_is_built_only_where_the_job_says_so(
    flaky: Stage, allowed: bool
) -> None:
    begin(flaky, RetryPolicy(non_idempotent=allowed), repeatable=False)
    assert flaky.start(1, f"record:{WOBBLY}").wait() < 0
    build(flaky, 0, "conflict")

    assert flaky.unfinished == set()
    if allowed:
        assert flaky.statuses[WOBBLY] == "success"
    else:
        assert (flaky.statuses[WOBBLY], flaky.statuses[CHILD]) == ("error", "skipped")
        [result] = [one for one in flaky.results if one.unique_id == WOBBLY]
        assert "may have written already" in result.entry["message"]
