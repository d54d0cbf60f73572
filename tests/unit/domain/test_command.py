"""A step's command: what is accepted, what is refused and with which words."""

from __future__ import annotations

import pytest

from headgate.domain.command import Command
from headgate.errors import CommandError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dbt build", Command("build")),
        ("  dbt   build  ", Command("build")),
        ("dbt build --select tag:finance+", Command("build", select=("tag:finance+",))),
        ("dbt build -s a b,c --exclude d", Command("build", select=("a", "b,c"), exclude=("d",))),
        ("dbt build --select 'a b' --select c", Command("build", select=("a b", "c"))),
        ("dbt build --models a -m b", Command("build", select=("a", "b"))),
        ("dbt build --select=tag:x --full-refresh", Command("build", select=("tag:x",), full_refresh=True)),
        ("dbt build -f", Command("build", full_refresh=True)),
        ("""dbt build --vars '{"b": 1, "a": "x"}'""", Command("build", vars='{"a": "x", "b": 1}')),
        ("""dbt build --vars='{}' --exclude +a""", Command("build", exclude=("+a",))),
    ],
)
def test_reads(text: str, expected: Command) -> None:
    assert Command.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a dbt command"),
        ("dbt", "is not a dbt command"),
        ("build", "is not a dbt command"),
        ("dbtf build", "is not a dbt command"),
        ("dbt run", "'dbt run' cannot be a step: only dbt build"),
        ("dbt build; rm -rf /", "'dbt build;' cannot be a step"),
        ("dbt build orders", "option 'orders' is not known"),
        ("dbt build --selct a", "did you mean --select?"),
        ("dbt build --profiles-dir .", "option '--profiles-dir' is not known"),
        ("dbt build --select", "--select needs a value"),
        ("dbt build --select --exclude a", "--select needs a value"),
        ("dbt build --select=", "--select needs a value"),
        ("dbt build --full-refresh=yes", "--full-refresh takes no value"),
        ("dbt build --select 'a", "No closing quotation"),
        ("dbt build --vars 'day: 1'", "--vars must be a JSON object"),
        ("dbt build --vars '[1]'", "--vars must be a JSON object"),
        ("dbt build --vars", "--vars needs a value"),
    ],
)
def test_refuses(text: str, words: str) -> None:
    with pytest.raises(CommandError) as refused:
        Command.parse(text)
    assert words in str(refused.value)


def test_the_digest_of_vars_is_that_of_their_meaning() -> None:
    one = Command.parse("""dbt build --vars '{"b": 1, "a": "x"}'""")
    other = Command.parse("""dbt build --select q --vars '{"a":"x","b":1}'""")
    assert one.vars_digest == other.vars_digest
    assert one.vars_digest != Command.parse("dbt build").vars_digest
    assert Command.parse("dbt build").vars_digest == Command.parse("dbt build --vars '{}'").vars_digest
