"""Steps that are one dbt command: a dbt outside the tested range, and the verbs without a graph of their own.

Real dbt of two versions, real Postgres, real runner processes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.plan import COMMAND, Engine
from headgate.domain.queue import NodeState
from headgate.domain.run import RunStatus
from headgate.errors import NotFoundError
from tests.integration.runner_stage import Runner, Stage, stage

REPOSITORY = Path(__file__).resolve().parents[2]
PLAIN = Path(__file__).parents[1] / "fixtures" / "plain"
OTHER_DBT = REPOSITORY / ".venv" / "dbt-1.10" / "bin" / "dbt"
FIRST, SLOW, GROWING, HISTORY = (
    "model.plain.first",
    "model.plain.slow",
    "model.plain.growing",
    "snapshot.plain.history",
)
GREEN = {"success", "pass", "warn", "no-op"}


@pytest.fixture(scope="module")
def published(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The plain project, parsed by dbt 1.10; its runners run that dbt's command."""
    assert OTHER_DBT.exists(), "run `make setup`: it makes a venv with dbt 1.10"
    with stage({**postgres.database("plain"), "HEADGATE_DBT": str(OTHER_DBT)}) as on:
        on.publish(PLAIN, tmp_path_factory.mktemp("bundle"))
        yield on


@pytest.fixture
def other(postgres: Any, published: Stage) -> Stage:
    """With an empty database."""
    postgres.database("plain")
    return published


@pytest.fixture(scope="module")
def tested(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The same project, parsed and run by the dbt that headgate is tested with, for verbs without a graph."""
    with stage(postgres.database("verbs")) as on:
        on.publish(PLAIN, tmp_path_factory.mktemp("bundle"))
        yield on


def until(what: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def sleeping(postgres: Any) -> bool:
    """Whether a query of a run of ours sleeps on the server."""
    return bool(
        postgres.query(
            "postgres",
            "select 1 from pg_stat_activity where datname = 'plain' and state = 'active' "
            "and query like '%pg_sleep%' and application_name like 'headgate-run-%'",
        )
    )


def turn(on: Stage) -> Any:
    return next(node for node in on.world.queue.nodes(*on.key) if node.unique_id == COMMAND)


def children(runner: Runner) -> list[int]:
    """The processes that a runner has started."""
    threads = Path(f"/proc/{runner.process.pid}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


def contents(postgres: Any) -> dict[str, Any]:
    """A snapshot holds the moment at which it was taken."""
    return {
        name: rows if name.endswith(".history") else (rows, digest)
        for name, (rows, digest) in postgres.checksums("plain").items()
    }


def outcomes(results: Any) -> dict[str, Any]:
    kept = ("status", "failures", "compiled", "relation_name")
    return {result["unique_id"]: {name: result[name] for name in kept} for result in results}


def test_another_dbt_builds_as_it_builds_alone(postgres: Any, other: Stage, tmp_path: Path) -> None:
    broken = {"PLAIN_BROKEN": "growing"}
    paths = ["--project-dir", str(PLAIN), "--profiles-dir", str(PLAIN), "--target-path", str(tmp_path)]
    alone = subprocess.run(
        [OTHER_DBT, "build", *paths, "--log-path", str(tmp_path)],
        env={"PATH": os.environ["PATH"], **other.variables, **broken},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    expected = json.loads((tmp_path / "run_results.json").read_text())
    assert alone.returncode == 1, alone.stdout
    tables = contents(postgres)
    postgres.database("plain")

    plan = other.begin(runners=1)
    assert (plan.engine, plan.runners) == (Engine.COMMAND, 1)
    # What makes the database complain is a secret; it stands in the code, in the message and in the log.
    runner = other.start(1, **broken, DBT_ENV_SECRET_PLACE="nowhere")

    assert runner.wait(240) == 0, runner.output
    merged = other.run_results()
    assert outcomes(merged["results"]) == outcomes(expected["results"])
    assert merged["args"]["which"] == "build"
    assert merged["metadata"]["dbt_version"].startswith("1.10.")
    assert contents(postgres) == tables
    assert json.loads(other.world.artifacts.get(*other.key, "manifest.json"))["nodes"]
    said = [line["message"] for line in runner.lines]
    assert not any("partial pars" in message.lower() for message in said), "the project was parsed again"
    assert any(line["node"] == GROWING and line["level"] == "error" for line in runner.lines)
    run = other.world.runs.get_run(other.key[0])
    assert run.status is RunStatus.ERROR
    assert str(run.error).startswith(f"{GROWING}: ")
    logs = other.world.artifacts.logs(*other.key)
    left = [other.world.artifacts.get(*other.key, name) for name in ("manifest.json", "invocation.json")]
    [entry] = [result.entry for result in other.results if result.unique_id == GROWING]
    assert "*****" in entry["message"]
    assert "*****" in entry["compiled_code"]
    assert "nowhere" not in f"{runner.output}{runner.errors}{logs}{left}{merged}{run}{other.results}"


def test_sigterm_leaves_no_query_and_keeps_what_is_done(postgres: Any, other: Stage) -> None:
    other.begin(runners=1)
    runner = other.start(1, PLAIN_SLEEP="300")
    until(lambda: sleeping(postgres) and HISTORY in other.statuses)
    assert other.statuses[FIRST] == "success", "a watcher sees it while dbt goes on"
    built = postgres.query("plain", "select 'analytics.first'::regclass::oid")
    runner.process.send_signal(signal.SIGTERM)

    assert runner.wait() == 143
    assert not sleeping(postgres)
    assert (turn(other).state, turn(other).uncertain) == (NodeState.READY, False)
    assert SLOW not in other.statuses

    again = other.start(1)
    assert again.wait(240) == 0, again.output
    assert other.unfinished == set()
    assert set(other.statuses.values()) <= GREEN
    assert SLOW in other.statuses
    assert postgres.query("plain", "select 'analytics.first'::regclass::oid") == built, "built twice"


def test_a_killed_runner_leaves_no_dbt_behind_and_its_next_attempt_goes_on(
    postgres: Any, other: Stage
) -> None:
    other.begin(runners=1)
    runner = other.start(1, PLAIN_SLEEP="300")
    until(lambda: sleeping(postgres) and HISTORY in other.statuses)
    runner.process.kill()
    until(lambda: not sleeping(postgres))

    again = other.start(1)
    assert again.wait(240) == 0, again.output
    assert (other.unfinished, set(other.statuses.values()) <= GREEN) == (set(), True)
    assert turn(other).claims == 2
    assert {result["unique_id"] for result in other.run_results()["results"]} >= {FIRST, SLOW, HISTORY}


def test_what_a_killed_container_left_on_the_server_is_ended_by_the_next_attempt(
    postgres: Any, other: Stage
) -> None:
    other.begin(runners=1)
    runner = other.start(1, PLAIN_SLEEP="300")
    until(lambda: sleeping(postgres) and HISTORY in other.statuses)
    started = children(runner)
    # All at once, as a container ends: none of them sees another one's end first.
    for process in started:
        os.kill(process, signal.SIGSTOP)
    runner.process.kill()
    for process in started:
        os.kill(process, signal.SIGKILL)
    runner.wait()
    assert sleeping(postgres)

    again = other.start(1)
    assert again.wait(240) == 0, again.output
    assert not sleeping(postgres)
    assert set(other.statuses.values()) <= GREEN


def end_runner(runner: Runner) -> None:
    runner.process.send_signal(signal.SIGTERM)


def kill_dbt(runner: Runner) -> None:
    """As the kernel does when a container has no memory left."""
    for process in children(runner):
        os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize(("lose", "code"), [(end_runner, 143), (kill_dbt, 137)])
def test_an_operation_is_stopped_in_its_query_and_not_repeated_after_a_loss(
    postgres: Any, other: Stage, lose: Callable[[Runner], None], code: int
) -> None:
    postgres.query("plain", "create schema analytics")
    other.begin("""dbt run-operation tidy --args '{"rows": 3}'""", runners=1)
    stopped = other.start(1, PLAIN_SLEEP="300")
    until(lambda: sleeping(postgres))
    lose(stopped)
    assert stopped.wait() == code, stopped.output
    assert code == 137 or not sleeping(postgres), "dbt's main thread waits for the server and hears no signal"

    refused = other.start(1)
    assert refused.wait() == 0
    message = str(turn(other).result.message)
    assert "tidy may have written already" in message
    other.run_results()
    assert other.world.runs.get_run(other.key[0]).error == message
    assert other.statuses == {COMMAND: "error"}
    assert postgres.query("plain", "select * from analytics.tidied") == [], "it had written, but not all"


def test_a_bundle_of_another_dbt_is_refused_by_name(other: Stage) -> None:
    own = Path(sys.executable).parent / "dbt"
    other.begin(runners=1)
    assert other.start(1, HEADGATE_DBT=str(own)).wait() == 0
    assert "parsed by dbt 1.10." in str(other.halted)
    assert "this runner's command is dbt 1.11." in str(other.halted)
    assert other.statuses == {}


@pytest.mark.parametrize(
    ("command", "forgotten", "built"),
    [
        ("dbt seed", "run_results.json", {"seed.plain.letters": "success"}),
        ("dbt docs generate --no-compile", "catalog.json", {}),
    ],
)
def test_success_that_left_nothing_behind_is_a_failure(
    other: Stage, tmp_path: Path, command: str, forgotten: str, built: dict[str, str]
) -> None:
    forgetful = tmp_path / "dbt"
    forgetful.write_text(
        f'#!/bin/sh\n{OTHER_DBT} "$@"\ncode=$?\nwhile [ "$1" != --target-path ]; do shift; done\n'
        f'rm "$2/{forgotten}"\nexit $code\n'
    )
    forgetful.chmod(0o755)
    other.begin(command, runners=1)
    assert other.start(1, HEADGATE_DBT=str(forgetful)).wait(240) == 0
    assert other.statuses == {COMMAND: "error", **built}
    with suppress(NotFoundError):  # docs have none
        other.run_results()
    assert f"left no {forgotten}" in str(other.world.runs.get_run(other.key[0]).error)


# Verbs without a graph -----------------------------------------------------------------------------------------


def one_step(on: Stage, command: str) -> Runner:
    plan = on.begin(command, runners=1)
    assert plan.engine is Engine.COMMAND
    runner = on.start(1)
    assert runner.wait(240) == 0, runner.output
    assert on.unfinished == set()
    with suppress(NotFoundError):  # deps and source freshness leave none
        on.run_results()
    return runner


def test_source_freshness_passes_warns_and_fails_as_dbt_says(postgres: Any, tested: Stage) -> None:
    postgres.query("verbs", "create schema if not exists landing")
    for table, days in (("fresh", 0.1), ("old", 1.5), ("older", 3.5)):
        postgres.query(
            "verbs", f"create table landing.{table} as select now() - interval '{days} days' as loaded_at"
        )
    one_step(tested, "dbt source freshness")

    named = {f"source.plain.landing.{table}": table for table in ("fresh", "old", "older")}
    found = {named[result.unique_id]: result for result in tested.results if result.unique_id in named}
    assert {name: str(result.status.value) for name, result in found.items()} == {
        "fresh": "pass",
        "old": "warn",
        "older": "error",
    }
    assert found["older"].message.startswith("loaded 3 days ago")
    assert len(json.loads(tested.world.artifacts.get(*tested.key, "sources.json"))["results"]) == 3
    assert "older: loaded 3 days ago" in str(tested.world.runs.get_run(tested.key[0]).error)


def test_docs_are_generated_without_parsing_again(tested: Stage) -> None:
    runner = one_step(tested, "dbt docs generate")
    assert json.loads(tested.world.artifacts.get(*tested.key, "catalog.json"))["metadata"]
    assert b"<html" in tested.world.artifacts.get(*tested.key, "index.html").lower()
    assert not any("partial pars" in line["message"].lower() for line in runner.lines)
    assert tested.world.runs.get_run(tested.key[0]).status is RunStatus.SUCCESS


def test_clone_copies_from_what_an_environment_has_published(postgres: Any, tested: Stage) -> None:
    postgres.query("verbs", "create schema if not exists analytics")
    postgres.query("verbs", "create table if not exists analytics.last as select 3 as ids")
    runner = one_step(tested, "dbt clone --state production --select last")
    assert any("the state is that of production, bundle" in line["message"] for line in runner.lines)
    assert tested.world.runs.get_run(tested.key[0]).status is RunStatus.SUCCESS
    assert tested.statuses["model.plain.last"] in {"success", "no-op"}


def test_deps_and_an_operation_that_does_not_exist(tested: Stage) -> None:
    runner = one_step(tested, "dbt deps")
    assert any("this step's copy only" in line["message"] for line in runner.lines)
    assert tested.world.runs.get_run(tested.key[0]).status is RunStatus.SUCCESS

    one_step(tested, "dbt run-operation nobody_wrote_this")
    run = tested.world.runs.get_run(tested.key[0])
    assert run.status is RunStatus.ERROR
    assert "could not find a macro" in str(run.error)
