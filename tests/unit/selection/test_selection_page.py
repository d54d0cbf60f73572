"""The examples of docs/selection.md show what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headgate_cli.app import app

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/selection.md").read_text()
EXAMPLES = [
    (command, shown)
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for command, shown in re.findall(r"^\$ headgate (.*)\n((?:[^$].*\n)*)", block, re.MULTILINE)
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 14


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[command[:90] for command, _ in EXAMPLES])
def test_the_example_prints_this(command: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, shlex.split(command))
    printed = result.stdout + result.stderr
    assert result.exit_code == (2 if shown.startswith("error") else 0)
    expected = ".*".join(map(re.escape, re.split(r"^…\n", shown, flags=re.MULTILINE)))
    assert re.fullmatch(expected, printed, re.DOTALL), printed
