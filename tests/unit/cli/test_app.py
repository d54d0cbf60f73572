"""The command line as a whole: help, faults and their exit codes, which stack is meant, colour, start-up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headgate.errors import ConflictError, HeadgateError, NotFoundError, ProjectError, UnavailableError
from headgate_cli.app import app
from headgate_cli.output import counted, seconds_text, size_text
from headgate_cli.world import local_root


class Broken:
    """A world whose every port fails."""

    def __init__(self, fault: Exception) -> None:
        self.fault = fault

    def __getattr__(self, name: str) -> Any:
        raise self.__dict__["fault"]


def endpoint_fault() -> Exception:
    from botocore.exceptions import EndpointConnectionError

    return EndpointConnectionError(endpoint_url="http://127.0.0.1:4566")


def aws_answers(code: str, operation: str, ours: Exception) -> Exception:
    """An adapter's error with botocore's as its cause."""
    from botocore.exceptions import ClientError

    ours.__cause__ = ClientError({"Error": {"Code": code, "Message": "no"}}, operation)
    return ours


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (aws_answers("ResourceNotFoundException", "Query", NotFoundError("x")), 4, "there is no table"),
        (
            aws_answers("ResourceNotFoundException", "GetSecretValue", NotFoundError("secret x")),
            5,
            "secret x",
        ),
        (aws_answers("ExpiredTokenException", "Query", HeadgateError("x")), 4, "AWS refuses"),
        (aws_answers("ValidationException", "Query", HeadgateError("odd")), 1, "odd"),
        (NotFoundError("the environment variable HEADGATE_BUCKET is not set"), 4, "HEADGATE_BUCKET"),
        (ProjectError("models/a.sql: no"), 2, "error models/a.sql: no"),
        (ConflictError("somebody else was first"), 1, "somebody else was first"),
        (UnavailableError("DynamoDB did not answer"), 4, "DynamoDB did not answer"),
        (endpoint_fault(), 4, "headgate local up"),
        (ZeroDivisionError("oops"), 1, "HEADGATE_DEBUG=1 shows where"),
    ],
    ids=[
        "table",
        "secret",
        "credentials",
        "other",
        "setting",
        "input",
        "conflict",
        "unavailable",
        "botocore",
        "unforeseen",
    ],
)
def test_a_fault_is_words_and_a_code(fault: Exception, code: int, message: str) -> None:
    result = CliRunner().invoke(app, ["runs", "list"], obj=Broken(fault))
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_the_trace_is_there_for_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_DEBUG", "1")
    result = CliRunner().invoke(app, ["runs", "list"], obj=Broken(ZeroDivisionError("oops")))
    assert "Traceback" in result.stderr


def test_no_stack_is_a_code_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HEADGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["runs", "list"])
    assert (result.exit_code, "headgate local up --detach" in result.stderr) == (4, True)


def test_the_nearest_local_stack_upwards_is_meant(tmp_path: Path) -> None:
    inner = tmp_path / "examples" / "shop"
    inner.mkdir(parents=True)
    assert local_root(inner) is None
    (tmp_path / ".headgate").mkdir()
    (tmp_path / ".headgate" / "local.json").write_text("{}")
    assert local_root(inner) == tmp_path


@pytest.mark.parametrize("arguments", [[], ["runs"], ["jobs"], ["local"]])
def test_without_a_verb_there_is_help(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert "Usage" in result.output


def test_every_command_explains_itself() -> None:
    for path in (
        "publish",
        "run",
        "logs",
        "doctor",
        "version",
        "runs view",
        "jobs apply",
        "trigger test",
    ):
        result = CliRunner().invoke(app, [*path.split(), "--help"])
        assert (path, result.exit_code) == (path, 0)


def test_colour_only_when_forced_or_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def stderr() -> str:
        return CliRunner().invoke(app, ["runs", "list"], obj=Broken(ProjectError("no"))).stderr

    assert "\x1b" not in stderr()
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert "\x1b" in stderr()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in stderr()


def test_help_loads_nothing_slow() -> None:
    code = "import sys, headgate_cli.app; print([m for m in ('dbt', 'boto3', 'httpx', 'networkx') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_quantities() -> None:
    assert [seconds_text(s) for s in (0.4, 12.34, 59.99, 124, 3725)] == [
        "0.40 s",
        "12.3 s",
        "60.0 s",
        "2m 04s",
        "1h 02m",
    ]
    assert [size_text(s) for s in (640_400, 2_400_000)] == ["640 kB", "2.4 MB"]
    assert [counted(1, "node"), counted(2, "node"), counted(1200, "test")] == [
        "1 node",
        "2 nodes",
        "1,200 tests",
    ]
