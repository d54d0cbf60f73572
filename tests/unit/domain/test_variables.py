"""Which value a variable has in a job's runs, and who says so."""

from __future__ import annotations

import pytest

from headgate.domain.env_reads import env_reads, reads_of
from headgate.domain.job import Environment, Job
from headgate.domain.variables import (
    COMPUTED,
    Effective,
    changed,
    effective,
    env_vars_of,
    is_hidden,
    missing,
    own_of,
    parse_digest,
    plain,
    read_by,
    references,
    with_defaults,
)

ENVIRONMENT = Environment(
    "production",
    "prod",
    "analytics",
    project="shop",
    project_variables={"DBT_A": "of project", "DBT_B": "of project", "DBT_C": "of project"},
    variables={"DBT_A": "of environment", "DBT_B": "of environment"},
)


def job(**fields: object) -> Job:
    return Job("finance", "production", ("dbt build",), **fields)  # type: ignore[arg-type]


def test_a_job_counts_before_its_environment_and_that_before_the_project() -> None:
    found = effective(ENVIRONMENT, job(variables={"DBT_A": "of job"}))
    assert {name: (one.value, one.origin) for name, one in found.items()} == {
        "DBT_A": ("of job", "job finance"),
        "DBT_B": ("of environment", "environment production"),
        "DBT_C": ("of project", "project shop"),
    }


def test_without_a_job_it_is_what_the_project_is_parsed_with() -> None:
    assert effective(ENVIRONMENT)["DBT_A"] == Effective("DBT_A", "environment production", "of environment")


@pytest.mark.parametrize(
    ("environment", "own", "value", "reference", "origin"),
    [
        # The level decides, as on the dbt platform, whichever of the two it says.
        ({"secrets": {"X": "warehouse/a#k"}}, {"variables": {"X": "plain"}}, "plain", "", "job finance"),
        ({"variables": {"X": "plain"}}, {"secrets": {"X": "warehouse/a#k"}}, None, "warehouse/a#k", "job finance"),
        ({"secrets": {"X": "warehouse/a#k"}}, {}, None, "warehouse/a#k", "environment production"),
        # Of both on one level nobody may read the value.
        ({}, {"variables": {"X": "plain"}, "secrets": {"X": "warehouse/a#k"}}, None, "warehouse/a#k", "job finance"),
        ({"project_secrets": {"X": "warehouse/p#k"}}, {}, None, "warehouse/p#k", "project"),
        ({"project_secrets": {"X": "warehouse/p#k"}, "variables": {"X": ""}}, {}, "", "", "environment production"),
    ],
)  # fmt: skip
def test_a_secret_and_a_plain_value_of_one_name(
    environment: dict[str, object], own: dict[str, object], value: str | None, reference: str, origin: str
) -> None:
    found = effective(Environment("production", "prod", "a", **environment), job(**own))["X"]  # type: ignore[arg-type]
    assert (found.value, found.reference, found.origin) == (value, reference, origin)
    assert found.is_secret == (reference != "")
    assert plain({"X": found}) == ({} if reference else {"X": value})
    assert references({"X": found}) == ({"X": reference} if reference else {})


def test_what_the_code_defaults_to_comes_last_and_what_has_none_is_missing() -> None:
    reads = {"DBT_A": None, "DBT_D": "eu", "DBT_E": None, COMPUTED: ""}
    found = with_defaults(effective(ENVIRONMENT), reads)
    assert (found["DBT_A"].value, found["DBT_D"].value) == ("of environment", "eu")
    assert found["DBT_D"].origin == "default in the code"
    assert found["DBT_E"].origin == "set nowhere"
    assert COMPUTED not in found
    assert missing(effective(ENVIRONMENT), reads) == ["DBT_E"]


def test_what_is_a_job_s_own() -> None:
    own = own_of(job(variables={"DBT_A": "of job", "DBT_B": "of environment"}), ENVIRONMENT)
    assert own == {"DBT_A": "=of job"}
    assert own_of(None, ENVIRONMENT) == {}
    assert own_of(job(secrets={"DBT_B": "warehouse/a#b"}), ENVIRONMENT) == {"DBT_B": "#warehouse/a#b"}


def test_a_parse_is_named_after_vars_and_what_a_job_sets() -> None:
    assert parse_digest("{}", {}) == "44136fa355b3678a"
    names = {parse_digest(text, own) for text in ("{}", '{"a": 1}') for own in ({}, {"A": "=1"}, {"A": "=2"})}
    assert len(names) == 6
    assert parse_digest("{}", {"B": "=1", "A": "=1"}) == parse_digest("{}", {"A": "=1", "B": "=1"})


@pytest.mark.parametrize(
    ("reads", "own", "expected"),
    [
        ({"A": ""}, {"A": "=1"}, True),
        ({"B": ""}, {"A": "=1"}, False),
        ({COMPUTED: ""}, {"A": "=1"}, True),
        (None, {"A": "=1"}, True),
        (None, {}, False),
        ({COMPUTED: ""}, {}, False),
    ],
)
def test_whether_a_parse_has_read_any_of_them(
    reads: dict[str, str] | None, own: dict[str, str], expected: bool
) -> None:
    assert read_by(reads, own) is expected


def test_what_is_set_otherwise_than_it_was_read() -> None:
    reads = env_vars_of(["A", "B", "C", COMPUTED], {"A": "=1", "B": "=2"})
    assert reads["C"] == reads[COMPUTED] == ""
    assert "1" not in reads.values()
    assert changed(reads, {"A": "=1", "B": "=2"}) == []
    assert changed(reads, {"A": "=2", "C": "=3", "D": "=4"}) == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select '{{ env_var('A') }}'", [("A", None)]),
        ('{{ env_var( "A" , \'b, "c"\' ) }}', [("A", 'b, "c"')]),
        ("{{ env_var('A', none) }}", [("A", None)]),
        ("{{ env_var('A', var('b')) }}", [("A", "{{ var('b' }}")]),
        ("{{ env_var('A', '') | int }} {{ env_var('B') }}", [("A", ""), ("B", None)]),
        ("{# {{ env_var('A') }} #} {{ env_var(name) }}", [(COMPUTED, "")]),
        ("{{ my_env_var('A') }}", []),
        ("host: \"{{ env_var('A', 'x') }}\"", [("A", "x")]),
        ("nothing", []),
    ],
)
def test_calls_of_env_var_are_read(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert list(env_reads(text)) == expected


def test_one_call_without_a_default_is_enough_to_need_a_value() -> None:
    texts = [
        "{{ env_var('A', 'x') }}",
        "{{ env_var('A') }}{{ env_var('B', 'y') }}",
        "{{ env_var('A', 'z') }}",
    ]
    assert reads_of(texts) == {"A": None, "B": "y"}


def test_whose_value_nobody_may_read() -> None:
    assert is_hidden("DBT_ENV_SECRET_X", "warehouse/a#b")
    assert is_hidden("X", "warehouse/a#password")
    assert not is_hidden("SHOP_HOST", "warehouse/password#host")
