"""local and doctor: what is asked of the local stack, what is told of it, and which exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headgate_cli.app import app
from headgate_local import stack
from headgate_local.errors import NotSetUpError, PartFailedError
from headgate_local.local_file import LocalStack, WarehouseAddress, write_local_file
from headgate_local.parts import PartState, PartStatus

RUNNING = LocalStack(
    url="http://127.0.0.1:8081",
    endpoint="http://127.0.0.1:4566",
    warehouse=WarehouseAddress("127.0.0.1", 5433, "postgres", "hidden-password", "shop"),
    started_at="2026-01-01T00:00:00+00:00",
    fivetran_secret="hidden-secret",
)


class Laptop:
    """Stands for headgate_local.stack; remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.parts: list[PartStatus] = []
        self.fault: Exception | None = None

    def up(self, root: Path, *, port: int, detach: bool, on_step: Any, on_ready: Any) -> LocalStack:
        self.asked.append(("up", root, port, detach))
        if self.fault:
            raise self.fault
        on_step("starting Postgres")
        on_ready(RUNNING)
        return RUNNING

    def down(self, root: Path, on_step: Any) -> bool:
        self.asked.append(("down", root))
        return bool(self.parts)

    def status(self, root: Path) -> list[PartStatus]:
        return self.parts

    def reset(self, root: Path, on_step: Any) -> None:
        self.asked.append(("reset", root))


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    made = Laptop()
    for name in ("up", "down", "status", "reset"):
        monkeypatch.setattr(stack, name, getattr(made, name))
    (tmp_path / "template.yaml").write_text("")
    (tmp_path / "examples").mkdir()
    monkeypatch.chdir(tmp_path / "examples")
    return made


def headgate(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_up_tells_where_things_are_and_no_secret(laptop: Laptop, tmp_path: Path) -> None:
    result = headgate("local", "up", "--detach", "--port", "8081")
    assert result.exit_code == 0
    assert laptop.asked == [("up", tmp_path, 8081, True)]
    assert "the local stack is up: http://127.0.0.1:8081" in result.stdout
    assert "http://127.0.0.1:8081/webhooks/fivetran/default" in result.stdout
    assert "hidden" not in result.output
    assert "Ctrl-C" not in result.stderr
    assert "Ctrl-C takes the stack down" in headgate("local", "up").stderr


@pytest.mark.parametrize(
    ("fault", "code"),
    [(NotSetUpError("run `make setup`"), 4), (PartFailedError("the emulator ended by itself"), 1)],
)
def test_up_that_fails(laptop: Laptop, fault: Exception, code: int) -> None:
    laptop.fault = fault
    result = headgate("local", "up")
    assert (result.exit_code, str(fault) in result.stderr) == (code, True)
    assert "Traceback" not in result.stderr


def test_status(laptop: Laptop, tmp_path: Path) -> None:
    assert headgate("local", "status").exit_code == 1
    laptop.parts = [PartStatus("warehouse", PartState.RUNNING, 12, 5433)]
    (tmp_path / ".headgate").mkdir()
    write_local_file(tmp_path / ".headgate" / "local.json", RUNNING)
    result = headgate("local", "status")
    assert result.exit_code == 0
    assert "warehouse" in result.stdout
    assert RUNNING.url in result.stdout
    found = json.loads(headgate("local", "status", "--json").stdout)
    assert (found["running"], found["url"], found["parts"][0]["port"]) == (True, RUNNING.url, 5433)
    laptop.parts = [*laptop.parts, PartStatus("emulator", PartState.FAILED, message="ended with 1")]
    result = headgate("local", "status")
    assert (result.exit_code, "ended with 1" in result.stdout) == (1, True)


def test_down(laptop: Laptop) -> None:
    assert "was not running" in headgate("local", "down").stdout
    laptop.parts = [PartStatus("warehouse", PartState.RUNNING)]
    assert "is down" in headgate("local", "down").stdout


def test_reset_does_not_ask_where_nobody_can_answer(laptop: Laptop, tmp_path: Path) -> None:
    result = headgate("local", "reset")
    assert (result.exit_code, "add --yes" in result.stderr, laptop.asked) == (2, True, [])
    assert headgate("local", "reset", "--yes").exit_code == 0
    assert laptop.asked == [("reset", tmp_path)]


@pytest.mark.parametrize(
    ("version", "state", "advice"),
    [
        ("1.11.16", "ok", ""),
        ("1.12.6", "warn", "Pin dbt-core~=1.11.0"),
        ("2.0.9", "warn", "newer than tested"),
        ("1.9.1", "warn", "older than tested"),
        (None, "error", "pip install"),
    ],
)
def test_doctor_knows_which_dbt_is_a_trap(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, version: str | None, state: str, advice: str
) -> None:
    from headgate_cli import doctor

    monkeypatch.setattr(doctor, "_version", lambda package: version if package == "dbt-core" else "1.0")
    for name in ("HEADGATE_TABLE",):
        monkeypatch.delenv(name, raising=False)
    result = headgate("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert checks["dbt"]["state"] == state
    assert advice in checks["dbt"]["advice"]
    assert (checks["stack"]["state"], result.exit_code) == ("error", 4)
