"""A step's command: what is accepted, what is refused and with which words."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.domain.command import Command
from headgate.domain.command_options import VERBS
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
        ("dbt", "then one of build, run, test"),
        ("dbt init", "'dbt init' cannot be a step: only dbt build, dbt run"),
        ("dbt docs serve", "'dbt docs' cannot be a step"),
        ("dbt biuld", "did you mean dbt build?"),
        ("dbt --fail-fast build", "the verb comes first: write --fail-fast behind it"),
        ("dbt build; rm -rf /", "'dbt build;' cannot be a step"),
        ("dbt build orders", "option 'orders' is not known"),
        ("dbt build --select a --full-refresh orders", "option 'orders' is not known"),
        ("dbt build --selct a", "did you mean --select?"),
        ("dbt build --profiles-dir .", "'--profiles-dir' cannot be used in a step: the profile is part"),
        ("dbt run --profiles-dir=/etc", "'--profiles-dir' cannot be used in a step"),
        ("dbt test --project-dir /", "a runner has its own folders"),
        ("dbt deps --target-path /", "a runner has its own folders"),
        ("dbt docs generate --log-path /", "a runner has its own folders"),
        ("dbt source freshness -o /etc/passwd", "a runner has its own folders"),
        ("dbt build --target dev", "set `target` and `schema` of the environment in headgate.yml"),
        ("dbt seed -t dev", "set `target` and `schema` of the environment in headgate.yml"),
        ("dbt build --profile x", "set `target` and `schema` of the environment in headgate.yml"),
        ("dbt build --state ./target", "names an environment of headgate.yml, not a folder"),
        ("dbt deps --state production", "this command reads no other environment"),
        ("dbt run-operation grant --defer", "this command reads no other environment"),
        ("dbt build --defer-state production", "--state names the environment to compare with, to defer to"),
        ("dbt build --threads 64", "set `threads` of the environment"),
        (
            "dbt build --selector nightly --exclude a",
            "say all of it in one --select, as selector:nightly,tag:x",
        ),
        ("dbt deps --selector nightly", "dbt deps has no option --selector"),
        ("dbt build --defer=production", "--defer takes no value"),
        ("dbt deps --add-package x@1", "packages are those that were published"),
        ("dbt build --log-level debug", "headgate logs"),
        ("dbt compile --inline 'select 1'", "write a model or an analysis"),
        (
            "dbt seed --store-failures",
            "dbt seed has no option --store-failures; it belongs to dbt build, dbt test",
        ),
        ("dbt snapshot --full-refresh", "it belongs to dbt build, dbt run, dbt seed"),
        ("dbt deps --select a", "dbt deps has no option --select"),
        ("dbt build --indirect-selection caution", "cannot be 'caution'; did you mean cautious?"),
        ("dbt build --resource-type modle", "--resource-type cannot be 'modle'; did you mean model?"),
        ("dbt build --exclude-resource-type all", "cannot be 'all'"),
        ("dbt build --select=-x", "--select: a value cannot begin with '-'"),
        ("dbt build --exclude=--profiles-dir=/", "a value cannot begin with '-'"),
        ("dbt run --event-time-start 2026-01-01", "go together"),
        ("dbt run --event-time-start yesterday", "must be a date or a time"),
        ("dbt run --sample 'some days'", "must be a span as in '3 days'"),
        ("dbt retry --full-refresh", "dbt retry has no option --full-refresh"),
        ("dbt retry -s a", "dbt retry has no option -s"),
        ("dbt compile --indirect-selection some", "--indirect-selection cannot be 'some'"),
        ("dbt clone", "dbt clone needs --state with the environment"),
        ("dbt clone --state ../prod", "names an environment of headgate.yml, not a folder"),
        ("dbt run-operation", "is followed by a macro's name"),
        ("dbt run-operation --args '{}'", "is followed by a macro's name"),
        ("dbt run-operation 'grant;drop'", "is followed by a macro's name"),
        ("dbt run-operation grant --args 'a: 1'", "--args must be a JSON object"),
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dbt build", ["build"]),
        ("dbt run -x -f -s a b --exclude c", ["run", "--full-refresh", "--fail-fast", "--select", "a",
                                              "--select", "b", "--exclude", "c"]),
        ("dbt test --store-failures --no-fail-fast", ["test", "--no-fail-fast", "--store-failures"]),
        ("dbt build --resource-types model seed --exclude-resource-type=test",
         ["build", "--resource-type", "model", "--resource-type", "seed", "--exclude-resource-type", "test"]),
        ("dbt docs generate --no-compile", ["docs", "generate", "--no-compile"]),
        ("dbt source freshness -s source:raw", ["source", "freshness", "--select", "source:raw"]),
        ("""dbt run-operation pkg.grant --args '{"b": 2, "a": "-x"}'""",
         ["run-operation", "pkg.grant", "--args", '{"a": "-x", "b": 2}']),
        ("dbt deps", ["deps"]),
        ("dbt retry", ["retry"]),
        ("dbt build --selector nightly --indirect-selection=buildable",
         ["build", "--selector", "nightly", "--indirect-selection", "buildable"]),
        ("dbt compile --indirect-selection empty -s a",
         ["compile", "--select", "a", "--indirect-selection", "empty"]),
        ("dbt clone --state production -s a", ["clone", "--select", "a"]),
        ("dbt build --defer --favor-state --state production -s a",
         ["build", "--defer", "--favor-state", "--select", "a"]),
        ("dbt compile --no-defer --no-favor-state", ["compile", "--no-defer", "--no-favor-state"]),
        ("""dbt compile --no-introspect --vars '{"a": 1}'""", ["compile", "--no-introspect", "--vars", '{"a": 1}']),
        ("dbt run --event-time-start 2026-01-01 --event-time-end 2026-02-01",
         ["run", "--event-time-start", "2026-01-01", "--event-time-end", "2026-02-01"]),
        ("dbt run --sample '3 days' --empty", ["run", "--sample", "3 days", "--empty"]),
        ("""dbt test --warn-error-options '{"error": "all"}'""",
         ["test", "--warn-error-options", '{"error": "all"}']),
    ],
)  # fmt: skip
def test_the_words_for_dbt(text: str, words: list[str]) -> None:
    assert Command.parse(text).words == words


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_can_be_written_back_and_read_again(verb: str) -> None:
    macro = " grant" if verb == "run-operation" else ""
    state = " --state production" if verb == "clone" else ""
    options = "" if verb == "retry" else """ -x --vars '{"a": "it''s"}'"""
    if verb not in ("retry", "deps", "debug", "run-operation"):
        options += " --defer --favor-state" + (state or " --state production")
        state = ""
    command = Command.parse(f"dbt {verb}{macro}{state}{options}")
    assert command.verb == verb
    assert command.is_graph == (verb in ("build", "run", "test", "seed", "snapshot"))
    assert Command.parse(command.line) == command


@given(st.text(max_size=40), st.sampled_from(["--select", "--exclude", "--vars", "--resource-type"]))
def test_a_value_never_becomes_another_argument(value: str, option: str) -> None:
    try:
        words = Command.parse(shlex.join(["dbt", "build", option, value])).words
    except CommandError:
        return
    assert [word for word in words if word.startswith("-")] in ([], [option])
    assert next(word for word in words if not word.startswith("-")) == "build"
    assert len(words) in (1, 3)


def test_the_digest_of_vars_is_that_of_their_meaning() -> None:
    one = Command.parse("""dbt build --vars '{"b": 1, "a": "x"}'""")
    other = Command.parse("""dbt build --select q --vars '{"a":"x","b":1}'""")
    assert one.vars_digest == other.vars_digest
    assert one.vars_digest != Command.parse("dbt build").vars_digest
    assert Command.parse("dbt build").vars_digest == Command.parse("dbt build --vars '{}'").vars_digest
