"""What `dbt debug` says of its checks, and what of it is a failure."""

from __future__ import annotations

import json

import pytest

from headgate_runner.command_engine.json_log import Said, read_line

GIT = 'Error from git --help: Could not find command, ensure it is in the user\'s PATH: "git"\n'
DOWN = "dbt was unable to connect to the specified database.\nThe database returned the following error:\n\n  >no\n"


def said(*lines: tuple[str, str]) -> Said:
    heard = Said()
    for name, message in lines:
        heard.hear(
            read_line(json.dumps({"info": {"name": name, "level": "info", "msg": message}, "data": {}}))
        )
    return heard


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        ([], None),
        (["1 check failed:", DOWN], [DOWN.strip()]),
        (["2 checks failed:", GIT, DOWN], [DOWN.strip()]),
        # A runner needs no git.
        (["1 check failed:", GIT], []),
    ],
)
def test_the_checks_that_count(failed: list[str], expected: list[str] | None) -> None:
    lines = [("DebugCmdOut", "Required dependencies:"), ("DebugCmdResult", " - git [ERROR]\n")]
    found = said(*lines, *(("DebugCmdResult", message) for message in failed))
    assert found.failed_checks == expected


def test_other_events_are_no_checks() -> None:
    assert said(("Note", "1 check failed:"), ("Note", DOWN)).failed_checks is None
