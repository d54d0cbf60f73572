"""The options a step may have are those of the installed dbt, and dbt reads our words as they were meant."""

from __future__ import annotations

import click
import pytest
from dbt.cli.main import cli

from headgate.domain.command import Command
from headgate.domain.command_options import OPTIONS, REFUSED, VERBS, Takes


def click_command(verb: str) -> click.Command:
    found: click.Command = cli
    for word in verb.split():
        assert isinstance(found, click.Group)
        found = found.commands[word]
    return found


def names_of(verb: str) -> dict[str, click.Option]:
    """Every spelling of the verb's options."""
    options = [one for one in click_command(verb).params if isinstance(one, click.Option)]
    return {name: option for option in options for name in (*option.opts, *option.secondary_opts)}


@pytest.mark.parametrize("verb", VERBS)
def test_every_accepted_option_is_one_of_dbts_with_as_many_values(verb: str) -> None:
    known = names_of(verb)
    for option in OPTIONS:
        if verb not in option.verbs:
            continue
        for name in option.names:
            assert known[name].is_flag == (option.takes is Takes.NOTHING), name
            assert known[name].multiple == (option.takes is Takes.MANY), name


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_dbt_is_accepted_or_refused_for_a_reason(verb: str) -> None:
    accepted = {name for option in OPTIONS if verb in option.verbs for name in option.names}
    elsewhere = {name for option in OPTIONS for name in option.names}
    left = set(names_of(verb)) - accepted - set(REFUSED) - elsewhere
    # What is left is refused as unknown: old spellings, and switches of dbt's own insides.
    insides = ("cache", "deprecat", "partial-parse", "experimental", "anonymous", "version", "sqlparse", "-V", "-v",
               "macro-debugging", "single-threaded", "ingest", "colors", "log-", "debug", "quiet")  # fmt: skip
    assert {name for name in left if not any(part in name for part in insides)} == set()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dbt build -s a,b tag:c --exclude d -f -x", {
            "select": ("a,b", "tag:c"), "exclude": ("d",), "full_refresh": True, "fail_fast": True
        }),
        ("dbt build --resource-type model test --exclude-resource-type unit_test --store-failures", {
            "resource_types": ("model", "test"), "exclude_resource_types": ("unit_test",), "store_failures": True
        }),
        ("""dbt run --vars '{"day": "2026-01-01"}' --empty --sample '3 days'""",
         {"vars": {"day": "2026-01-01"}, "empty": True}),
        ("""dbt run-operation grant --args '{"role": "-x"}'""", {"macro": "grant", "args": {"role": "-x"}}),
        ("dbt docs generate --no-compile", {"compile": False}),
        ("dbt source freshness --select source:raw", {"select": ("source:raw",)}),
        ("dbt compile --no-introspect", {"introspect": False}),
        ("dbt test --warn-error", {"warn_error": True}),
        ("dbt snapshot --defer --favor-state", {"defer": True, "favor_state": True}),
        ("dbt docs generate --no-defer --no-favor-state", {"defer": False, "favor_state": False}),
    ],
)  # fmt: skip
def test_dbt_reads_the_words_as_they_were_meant(line: str, expected: dict[str, object]) -> None:
    command = Command.parse(line)
    words = command.words[len(command.verb.split()) :]
    words += ["--profiles-dir", ".", "--project-dir", "."]
    context = click_command(command.verb).make_context(command.verb, words)
    read = {name: context.params[name] for name in expected}
    read |= {name: tuple(value) for name, value in read.items() if isinstance(value, list)}
    assert read == expected
