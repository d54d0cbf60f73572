"""run, runs list, view and watch: what is shown while a run goes on and after it, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headgate.domain.run import RunStatus
from headgate_cli.output import look

SKIPPED = look("skipped").glyph
ORDERS = "model.shop.fct_orders"


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_watching_a_green_run(headgate: Any, play: Any, clock: Any) -> None:
    clock.script = play().whole()
    result = headgate("runs", "watch", "1")
    assert result.exit_code == 0
    told = [line.partition(" s ")[2] for line in lines(result.stderr)]
    assert told[0].startswith("… queued run 1 of finance")
    assert "step 1 dbt build --select tag:finance+: 5 nodes" in told
    ended = [line.split()[2] for line in told if line.startswith("✓") and "runner" in line]
    assert ended == ["stg_payments", "fct_orders", "fct_revenue"]
    assert lines(result.stderr)[-1] == "Next: headgate runs view 1 · headgate logs 1"

    shown = lines(result.stdout)
    assert shown[0] == "run 1 · finance · production · bundle abababababab"
    assert shown[1] == "caused by fivetran: connector stripe, sync 1"
    assert "✓ 3 nodes built" in shown
    assert "✓ 2 tests passed in 0.50 s together" in shown
    assert shown[-1].endswith("· 3 success · 2 pass · 2 runners · http://127.0.0.1:8080/runs/1")


def test_watching_a_red_run(headgate: Any, play: Any, clock: Any, broken: dict[str, tuple[str, str]]) -> None:
    clock.script = play().whole(broken)
    result = headgate("runs", "watch", "1")
    assert result.exit_code == 1
    message = 'Database Error: column "amount" does not exist (models/fct_orders.sql)'
    shown = lines(result.stdout)
    (failed,) = [line for line in shown if line.startswith("✕ fct_orders")]
    assert failed.endswith(message)
    assert any(line.endswith(message) for line in lines(result.stderr))
    assert f"{SKIPPED} 2 nodes skipped, downstream of fct_orders" in shown
    assert shown[-1].startswith("✕ error in ")
    assert lines(result.stderr)[-1] == "Next: headgate logs 1 fct_orders · headgate retry 1"
    assert not [line for line in shown if line.startswith(f"{SKIPPED} fct_revenue")]
    unfolded = lines(headgate("runs", "view", "1", "--all").stdout)
    assert [line for line in unfolded if line.startswith(f"{SKIPPED} fct_revenue skipped")]
    assert [line for line in unfolded if line.startswith("✓ test not_null_stg_payments_id pass")]


def test_an_ephemeral_model_has_no_status_to_show(headgate: Any, play: Any, clock: Any) -> None:
    clock.script = play().whole(results={"model.shop.stg_payments": None})
    result = headgate("runs", "watch", "1")
    assert result.exit_code == 0
    assert "stg_payments" not in [line.split()[1] for line in lines(result.stdout) if " " in line]
    assert "done" not in result.stdout + result.stderr
    assert " 2 success · 2 pass " in lines(result.stdout)[-1]


def test_a_run_of_two_steps(headgate: Any, play: Any, clock: Any) -> None:
    clock.script = play("nightly").whole(steps=2)
    result = headgate("runs", "watch", "1")
    assert result.exit_code == 0
    shown = lines(result.stdout)
    assert "step 1 dbt build --select tag:finance" in shown
    assert "step 2 dbt build --exclude tag:finance" in shown
    assert shown.count("✓ 2 tests passed in 0.50 s together") == 2
    assert "6 success" in shown[-1]


def test_a_run_with_nothing_to_build(headgate: Any, play: Any, clock: Any) -> None:
    played = play()

    def script() -> Iterator[None]:
        played.move(RunStatus.STARTING)
        yield
        played.plan(nodes=(), runners=0)
        played.move(RunStatus.RUNNING)
        yield
        played.move(RunStatus.SUCCESS)
        yield

    clock.script = script()
    result = headgate("runs", "watch", "1")
    assert result.exit_code == 0
    assert "nothing to build: the selection matches no node" in result.stdout


def test_a_run_that_dies_before_it_is_planned(headgate: Any, play: Any, clock: Any) -> None:
    played = play()

    def script() -> Iterator[None]:
        played.move(RunStatus.STARTING)
        yield
        played.move(RunStatus.ERROR, error="PlanError: the bundle's index cannot be read; publish again")
        yield

    clock.script = script()
    result = headgate("runs", "watch", "1")
    assert result.exit_code == 1
    assert lines(result.stdout)[-1] == "PlanError: the bundle's index cannot be read; publish again"
    assert lines(result.stderr)[-1] == "Next: headgate logs 1 · headgate run finance"


def test_a_run_that_is_cancelled_while_it_builds(headgate: Any, play: Any, clock: Any) -> None:
    played = play()

    def script() -> Iterator[None]:
        played.move(RunStatus.STARTING)
        plan = played.plan()
        played.move(RunStatus.RUNNING)
        building = played.build(plan)
        for _ in range(3):
            next(building)
            yield
        played.world.runs.request_cancel(1, "by ana")
        yield
        played.move(RunStatus.CANCELLED, error="cancelled by ana: 1 node stopped (fct_orders)")
        yield

    clock.script = script()
    result = headgate("runs", "watch", "1")
    assert result.exit_code == 1
    assert sum("by ana: its runners are leaving" in line for line in lines(result.stderr)) == 1
    assert lines(result.stderr)[-1] == "Next: headgate logs 1 · headgate retry 1"
    shown = lines(result.stdout)
    assert "… 4 nodes never finished" in shown
    assert shown[-1] == "cancelled by ana: 1 node stopped (fct_orders)"


def test_waiting_no_longer_than_asked_leaves_the_run_alone(
    headgate: Any, play: Any, clock: Any, world: Any
) -> None:
    played = play()
    clock.script = iter(lambda: None, 0)
    result = headgate("runs", "watch", "1", "--timeout", "3")
    assert result.exit_code == 6
    assert "run 1 is still queued after 3 s" in result.stderr
    assert lines(result.stderr)[-1] == "Next: headgate runs watch 1"
    assert not world.runs.get_run(played.run.run_id).status.is_final


def test_ctrl_c_stops_the_watching_and_not_the_run(headgate: Any, play: Any, clock: Any, world: Any) -> None:
    play()

    def script() -> Iterator[None]:
        yield
        raise KeyboardInterrupt

    clock.script = script()
    result = headgate("runs", "watch", "1")
    assert result.exit_code == 130
    assert "run 1 goes on" in result.stderr
    assert lines(result.stderr)[-1] == "Next: headgate runs watch 1 · headgate cancel 1"
    assert world.runs.get_run(1).status is RunStatus.QUEUED


def test_view_while_it_runs(headgate: Any, play: Any) -> None:
    played = play()
    played.move(RunStatus.STARTING)
    plan = played.plan()
    played.move(RunStatus.RUNNING)
    building = played.build(plan)
    next(building)
    next(building)
    result = headgate("runs", "view", "latest")
    assert result.exit_code == 0
    shown = lines(result.stdout)
    assert any(line.startswith("▸ stg_payments running") for line in shown)
    assert "… 4 nodes waiting" in shown
    assert lines(result.stderr)[-1] == "Next: headgate runs watch 1"


def test_view_as_an_object(
    asked: Callable[..., dict[str, Any]],
    play: Any,
    headgate: Any,
    broken: dict[str, tuple[str, str]],
    clock: Any,
) -> None:
    clock.script = play().whole(broken)
    watched = headgate("runs", "watch", "1", "--json")
    assert watched.exit_code == 1
    found = asked("runs", "view", "1")
    assert json.loads(watched.stdout)["nodes"] == found["nodes"]
    assert found["run"]["status"] == "error"
    assert found["run"]["cause"]["kind"] == "fivetran"
    assert found["steps"] == [
        {"step": 1, "command": "dbt build --select tag:finance+", "planned": True, "lost": []}
    ]
    nodes = {node["unique_id"]: node for node in found["nodes"]}
    assert set(nodes) == {
        "model.shop.stg_payments",
        "test.shop.not_null_stg_payments_id.0123456789",
        ORDERS,
        "model.shop.fct_revenue",
        "test.shop.unique_fct_revenue_day.9876543210",
    }
    assert (nodes[ORDERS]["status"], nodes[ORDERS]["resource_type"], nodes[ORDERS]["step"]) == (
        "error",
        "model",
        1,
    )
    assert nodes[ORDERS]["runner"] in (1, 2)
    assert len(nodes[ORDERS]["held_back"]) == 2
    assert nodes["test.shop.unique_fct_revenue_day.9876543210"]["name"] == "unique_fct_revenue_day"


def test_run_starts_a_job_and_watches_it(headgate: Any, world: Any, clock: Any, playing: Any) -> None:
    def script() -> Iterator[None]:
        # The run exists by the time somebody waits for it.
        run = world.runs.list_runs(1)[0]
        yield from playing(run).whole()

    clock.script = script()
    result = headgate("run", "finance")
    assert result.exit_code == 0
    run = world.runs.get_run(1)
    assert (run.cause.kind, run.status) == ("cli", RunStatus.SUCCESS)
    assert [event.run_id for event in world.bus.published if event.detail_type() == "RunQueued"]


def test_each_run_command_makes_a_run_of_its_own(headgate: Any, asked: Callable[..., dict[str, Any]]) -> None:
    result = headgate("run", "finance", "--no-watch")
    assert result.exit_code == 0
    assert lines(result.stderr)[-1] == "Next: headgate runs watch 1"
    assert asked("run", "finance", "--no-watch")["run"]["run_id"] == 2
    assert [run["run_id"] for run in asked("runs", "list")["runs"]] == [2, 1]
    assert [run["run_id"] for run in asked("runs", "list", "--limit", "1")["runs"]] == [2]
    assert asked("runs", "list", "--job", "nightly")["runs"] == []


def test_a_run_may_be_told_to_reuse_nothing(asked: Callable[..., dict[str, Any]]) -> None:
    assert asked("run", "finance", "--no-watch")["run"]["from_start"] is False
    assert asked("run", "finance", "--no-watch", "--no-reuse")["run"]["from_start"] is True


def test_run_refuses_what_was_never_published(headgate: Any, world: Any) -> None:
    world.jobs._bundles.clear()
    result = headgate("run", "finance")
    assert result.exit_code == 5
    assert "headgate publish --environment production" in result.stderr
    assert world.runs.list_runs() == []


def test_the_list_for_people(
    headgate: Any, play: Any, clock: Any, broken: dict[str, tuple[str, str]]
) -> None:
    assert "there is no run yet" in headgate("runs", "list").stderr
    clock.script = play().whole(broken)
    headgate("runs", "watch", "1")
    result = headgate("runs", "list")
    assert lines(result.stdout)[0] == "run job status created time cause nodes"
    assert lines(result.stdout)[1].startswith("1 finance ✕ error 202")
    assert all(line == line.rstrip() for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("run", "financ"), 5, "did you mean finance?"),
        (("runs", "view", "99"), 5, "run 99 does not exist"),
        (("runs", "watch", "99"), 5, "run 99 does not exist"),
        (("runs", "view", "twelve"), 2, "'twelve' is not a run"),
        (("runs", "view", "latest"), 5, "there is no run yet"),
        (("runs", "list", "--limit", "0"), 2, "--limit"),
        (("runs", "viwe", "1"), 2, "viwe"),
    ],
)
def test_what_does_not_exist(headgate: Any, arguments: tuple[str, ...], code: int, message: str) -> None:
    result = headgate(*arguments)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
