"""What whoever starts a run may wish: checked against its job, with everything that is wrong said at once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.domain.command import Command
from headgate.domain.declared_var import DeclaredVar
from headgate.domain.job import Job
from headgate.domain.overrides import Overrides
from headgate.domain.run_request import RunRequest, overrides_of, values_of
from headgate.errors import InputError

JOB = Job(
    "finance",
    "production",
    ("dbt build --vars '{\"full\": 1}'",),
    vars=(
        DeclaredVar("day", "date"),
        DeclaredVar("region", choices=("eu", "us")),
        DeclaredVar("note"),
        DeclaredVar("share", "number"),
        DeclaredVar("all", "bool"),
        DeclaredVar("top", "number", ("10", "100")),
    ),
)


def test_wishes_become_what_the_run_keeps() -> None:
    wish = RunRequest(
        steps=("dbt build --select tag:finance+",),
        schema="ci_12",
        threads=8,
        vars={"region": "eu", "day": "2026-01-31"},
        git_ref="main",
    )
    assert overrides_of(wish, JOB) == Overrides(
        schema="ci_12", threads=8, vars='{"day": "2026-01-31", "region": "eu"}', git_ref="main", steps=True
    )
    said = "schema ci_12, 8 threads, day=2026-01-31, region=eu, from main, commands of its own"
    assert overrides_of(wish, JOB).text == said
    assert overrides_of(RunRequest(), JOB) == Overrides()
    assert Overrides(request="a request").text == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("day", "2024-02-29"),
        ("note", "two\nlines, ünïcode"),
        ("note", ""),
        ("share", 0.5),
        ("share", -3),
        ("share", 2**53),
        ("all", False),
        ("top", 100),
    ],
)
def test_values_of_the_declared_type_are_taken(name: str, value: Any) -> None:
    assert json.loads(overrides_of(RunRequest(vars={name: value}), JOB).vars) == {name: value}


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"vars": {"dai": "2026-01-31"}}, "has no variable 'dai' to set; it declares day, region"),
        ({"vars": {"day": "2026-02-30"}}, "'2026-02-30' is not a date such as 2026-01-31"),
        ({"vars": {"day": "20260131"}}, "is not a date"),
        ({"vars": {"day": "\uff12026-01-31"}}, "is not a date"),
        ({"vars": {"day": 20260131}}, "is not a date"),
        ({"vars": {"region": "asia"}}, "'asia' is not one of eu, us"),
        ({"vars": {"top": 11}}, "'11' is not one of 10, 100"),
        ({"vars": {"share": "0.5"}}, "is not a number"),
        ({"vars": {"share": True}}, "is not a number"),
        ({"vars": {"share": float("nan")}}, "is not a number"),
        ({"vars": {"share": float("inf")}}, "is not a number"),
        ({"vars": {"share": 2**53 + 1}}, "is not a number"),
        ({"vars": {"all": 1}}, "is not a truth value"),
        ({"vars": {"note": "a\x1b[31m"}}, "is not a printable text"),
        ({"vars": {"note": "a\x00"}}, "is not a printable text"),
        ({"vars": {"note": ["a"]}}, "is not a printable text"),
        ({"vars": {"note": None}}, "is not a printable text"),
        ({"vars": {"note": "x" * 1_001}}, "at most 1000 characters"),
        ({"schema": "1a"}, "1 to 100 letters, digits and _"),
        ({"schema": "a; drop schema b"}, "1 to 100 letters"),
        ({"schema": 'a"b'}, "1 to 100 letters"),
        ({"schema": "a\n"}, "1 to 100 letters"),
        ({"schema": "x" * 101}, "1 to 100 letters"),
        ({"threads": 257}, "1 to 256"),
        ({"threads": -1}, "1 to 256"),
        ({"on_conflict": "queue_latest"}, "one of queue_all, skip, cancel_running"),
        ({"git_ref": "--upload-pack=x"}, "is not a git branch or commit"),
        ({"steps": ("dbt biuld",)}, "step 1: 'dbt biuld' cannot be a step: did you mean dbt build?"),
        ({"steps": ("dbt build", "rm -rf /")}, "step 2: 'rm -rf /' is not a dbt command"),
        ({"steps": ("dbt build --profiles-dir /x",)}, "step 1: "),
        ({"steps": ("dbt build --select @a+",)}, "step 1: "),
        ({"steps": ("dbt build --select state:modified",)}, "step 1: "),
        ({"steps": ("dbt build --select " + "a" * 4_000,)}, "a command has at most 4000 characters"),
        ({"steps": ("dbt build",) * 51}, "at most 50 steps"),
        ({"steps": ("dbt build --vars '{\"secret\": 1}'",)}, "has no variable 'secret' to set"),
        ({"steps": ("dbt build --vars '{\"full\": 2}'",)}, "has no variable 'full' to set"),
        ({"steps": ('dbt build --vars \'{"day": "x"}\'',)}, "is not a date"),
    ],
)
def test_what_is_wrong_is_said(wish: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as refusal:
        overrides_of(RunRequest(**wish), JOB)
    assert words in str(refusal.value)
    assert "\x1b" not in str(refusal.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as refusal:
        overrides_of(RunRequest(steps=("dbt",), schema="-", threads=999, vars={"x": 1}), JOB)
    assert str(refusal.value).count("; ") >= 3


def test_commands_may_set_what_the_job_s_own_do_and_what_it_declares() -> None:
    own = JOB.run[0]
    declared = 'dbt build --vars \'{"day": "2026-01-31"}\''
    assert overrides_of(RunRequest(steps=(own, declared)), JOB) == Overrides(steps=True)


def test_a_job_without_variables_says_so() -> None:
    with pytest.raises(InputError, match="it declares none"):
        overrides_of(RunRequest(vars={"x": 1}), Job("plain", "production", ("dbt build",)))


def test_values_on_a_command_line_have_the_declared_type() -> None:
    assert values_of(["day=2026-01-31", "note=a=b", "share=1.5", "all=TRUE", "top=10", "region=eu"], JOB) == {
        "day": "2026-01-31",
        "note": "a=b",
        "share": 1.5,
        "all": True,
        "top": 10,
        "region": "eu",
    }
    for unreadable in ("share=much", "share=1e400", "share=01", "all=yes", "share=\u0661"):
        with pytest.raises(InputError):
            overrides_of(RunRequest(vars=values_of([unreadable], JOB)), JOB)
    for pair in (["day"], ["=1"], ["day=1", "day=2"]):
        with pytest.raises(InputError):
            values_of(pair, JOB)


def test_the_digest_tells_wishes_apart() -> None:
    wishes = [
        RunRequest(),
        RunRequest(detail="by the API"),
        RunRequest(steps=("dbt build",)),
        RunRequest(vars={"all": True}),
        RunRequest(vars={"all": 1}),
        RunRequest(vars={"all": "true"}),
        RunRequest(from_start=True),
    ]
    assert len({wish.digest for wish in wishes}) == len(wishes)
    assert RunRequest(vars={"a": 1, "b": 2}).digest == RunRequest(vars={"b": 2, "a": 1}).digest


@given(st.text(max_size=200))
def test_no_text_in_a_variable_becomes_a_word_of_dbt_s(text: str) -> None:
    """A value changes nothing but its own place among dbt's arguments."""
    try:
        kept = overrides_of(RunRequest(vars={"note": text}), JOB).vars
    except InputError:
        return
    words = Command(verb="build", vars=kept).words
    assert words[:-1] == ["build", "--vars"]
    assert json.loads(words[-1]) == {"note": text}
