"""Every command that the README and the deployment page name exists, with the options they give it."""

import re
from pathlib import Path

import click
import pytest
import typer.main

from headgate_cli.app import app

ROOT = Path(__file__).parents[3]
NAMED = sorted(
    {
        line.strip()
        for page in ("README.md", "docs/deploy.md", "docs/architecture.md")
        for line in re.findall(
            r"(?:\.venv/bin/|[`$] ?|^)headgate ((?:[a-z]+)(?: [^`\n#·…]*)?)", (ROOT / page).read_text(), re.M
        )
    }
)


def test_the_pages_name_commands_at_all() -> None:
    assert len(NAMED) > 10


@pytest.mark.parametrize("line", NAMED)
def test_every_command_that_is_written_down_exists(line: str) -> None:
    words = line.split()
    command: click.Command = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"headgate {line}"
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known | {"--help"}
