"""logs and events list: what is shown of what was written."""

from __future__ import annotations

from typing import Any

import pytest


def line(second: int, runner: int, node: str | None, level: str, message: str) -> dict[str, Any]:
    at = f"2026-01-01T06:00:0{second}+00:00"
    return {"at": at, "runner": runner, "node": node, "level": level, "message": message}


LINES = [
    line(2, 2, "model.shop.fct_orders", "error", "boom [x]"),
    line(1, 1, None, "info", "dbt started"),
    line(3, 1, "model.shop.stg_payments", "debug", "sql"),
]


@pytest.fixture
def logged(play: Any, world: Any) -> None:
    played = play()
    played.plan()
    world.artifacts.append_log(1, 1, 1, 1, LINES)


@pytest.mark.usefixtures("logged")
def test_the_whole_log_by_time(headgate: Any) -> None:
    result = headgate("logs", "1")
    assert result.exit_code == 0
    assert [line.split("r1 ")[-1].split("r2 ")[-1] for line in result.stdout.splitlines()] == [
        "dbt started",
        "fct_orders  boom [x]",
    ]


@pytest.mark.usefixtures("logged")
def test_one_node_s_log(headgate: Any, asked: Any) -> None:
    assert headgate("logs", "latest", "fct_orders").stdout.splitlines()[0].endswith("fct_orders  boom [x]")
    found = asked("logs", "1", "model.shop.stg_payments", "--level", "debug")
    assert [line["message"] for line in found["lines"]] == ["sql"]
    missing = headgate("logs", "1", "fct_ordres")
    assert (missing.exit_code, "Did you mean fct_orders?" in missing.stderr) == (5, True)


@pytest.mark.usefixtures("logged")
def test_a_wrong_level(headgate: Any) -> None:
    assert headgate("logs", "1", "--level", "loud").exit_code == 2


def test_nothing_logged_yet(headgate: Any, play: Any) -> None:
    play()
    assert "nothing was logged yet" in headgate("logs", "1").stderr


def test_events(headgate: Any, asked: Any, world: Any, clock: Any) -> None:
    assert "no event has arrived yet" in headgate("events", "list").stderr
    for name in ("a", "b"):
        world.events.record(
            f"fivetran/default/{name}/1/sync_end", {"provider": "fivetran", "detail": "sync_end SUCCESSFUL"}
        )
        world.events.mark(f"fivetran/default/{name}/1/sync_end", "published")
        clock.advance(1)
    shown = headgate("events", "list").stdout.splitlines()
    assert [line.split()[3].split("/")[2] for line in shown[1:]] == ["b", "a"]
    assert "published" in shown[1]
    assert "sync_end SUCCESSFUL" in shown[1]
    assert [event["outcome"] for event in asked("events", "list", "--limit", "1")["events"]] == ["published"]
