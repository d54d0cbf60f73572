"""jobs init, validate and schema: a first file that is valid, what starts each job, and problems as an object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headgate.adapters.jobs_file import read_jobs_file
from headgate.adapters.jobs_file.schema import schema_text
from headgate.domain.when_words import describe_when
from headgate_cli.app import app
from headgate_cli.jobs.first_file import first_file
from headgate_cli.jobs.found_project import FoundProject, Target, find_project
from tests.every_key import EVERY_KEY

PROJECT = "name: my_shop\nprofile: shop\nmodel-paths: [models, more]\n"
PROFILES = """\
shop:
  target: dev
  outputs:
    dev: {type: postgres, schema: dev_me}
    staging: {type: postgres, schema: "{{ env_var('SCHEMA', 'x') }}"}
    production:
      type: postgres
      schema: analytics
      host: "{{ env_var('PG_HOST') }}"
      password: "{{ env_var('DBT_ENV_SECRET_PG') }}"
      role: "{{ env_var('AWS_ROLE') }}"
"""
SOURCES = """\
sources:
  - {name: stripe, config: {meta: {fivetran_connector: stripe_prod}}}
  - {name: hubspot, loader: Airbyte, tables: [{name: deals}]}
  - {name: crm, meta: {headgate: {connectors: [airbyte/crm sync, fivetran/no]}}}
  - {name: orders, tables: [{name: a, meta: {airbyte_connection: "yes"}}, {name: b}]}
  - {name: by_hand}
exposures:
  - {name: a, owner: {email: one@example.com}}
  - {name: b, owner: {email: two@example.com}}
  - {name: c, config: {owner: {email: [two@example.com]}}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    (tmp_path / "models" / "deep").mkdir(parents=True)
    (tmp_path / "dbt_project.yml").write_text(PROJECT)
    (tmp_path / "profiles.yml").write_text(PROFILES)
    (tmp_path / "models" / "deep" / "sources.yml").write_text(SOURCES)
    (tmp_path / "models" / "odd.yaml").write_text("{% docs %}")
    return tmp_path


def headgate(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["jobs", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_what_a_project_says(project: Path) -> None:
    found = find_project(project)
    assert (found.name, found.usual) == ("my_shop", "dev")
    assert [(target.name, target.schema) for target in found.targets] == [
        ("dev", "dev_me"),
        ("staging", ""),
        ("production", "analytics"),
    ]
    assert found.fivetran == ("stripe_prod", "no")
    assert found.airbyte == ("hubspot", "crm sync", "yes")
    assert (found.guessed, found.unread) == (("hubspot",), ("models/odd.yaml",))
    assert found.owners == ("two@example.com", "one@example.com")


def test_a_first_file_is_valid_and_says_what_was_guessed(project: Path) -> None:
    code, out, told = headgate("init")
    assert (code, out) == (0, "✓ wrote headgate.yml: landed, nightly\n")
    made = read_jobs_file(project / "headgate.yml")
    assert [(one.name, one.target, one.schema) for one in made.environments] == [
        ("production", "production", "analytics"),
        ("staging", "staging", "analytics"),
    ]
    assert made.environments[0].secrets == {
        "DBT_ENV_SECRET_PG": "warehouse/my_shop#password",
        "PG_HOST": "warehouse/my_shop#host",
    }
    landed, nightly = made.jobs
    assert landed.connectors == ("stripe_prod", "no", "hubspot", "crm sync", "yes")
    assert (landed.owner, landed.run, nightly.run) == ("two@example.com", (), ("dbt build",))
    assert describe_when(nightly)[0].startswith("at 06:00 every day")
    for words in (
        "environment staging: schema analytics",
        "2 secret variables are read from the secret warehouse/my_shop",
        "no environment is made of the target dev",
        "connector hubspot: named like the source",
        "exposures also name one@example.com",
        "models/odd.yaml was not read",
        "the job nightly starts at 06:00",
        "Next: headgate jobs validate",
    ):
        assert words in told, told
    assert "AWS_ROLE" not in (project / "headgate.yml").read_text()


def test_nothing_is_overwritten(project: Path) -> None:
    (project / "headgate.yml").write_text("mine")
    code, _, told = headgate("init")
    assert code == 2
    assert "there is a headgate.yml already" in told
    assert (project / "headgate.yml").read_text() == "mine"
    assert headgate("init", "--file", "other.yml")[0] == 0


def test_a_folder_without_a_project(tmp_path: Path) -> None:
    code, _, told = headgate("init", "--project-dir", str(tmp_path))
    assert code == 2
    assert "dbt_project.yml is missing" in told
    assert not (tmp_path / "headgate.yml").exists()


HARD = Target('a"b: c', "on", {"X": "a key"})


@pytest.mark.parametrize(
    "found",
    [
        FoundProject("shop"),
        FoundProject("1: #shop", targets=(HARD,), owners=("Anna: <a@example.com>",), fivetran=("a, b", "null", "x:y")),
        FoundProject("_", targets=(Target("dev", "s", {}), Target("qa", "s", {})), usual="nowhere", airbyte=("é",)),
        FoundProject("s" * 80, targets=(Target("prod", "{}", {}),), fivetran=('"',)),
    ],
)  # fmt: skip
def test_every_first_file_is_valid(tmp_path: Path, found: FoundProject) -> None:
    made = first_file(found, "Europe/Berlin")
    (tmp_path / "headgate.yml").write_text(made.text)
    read = read_jobs_file(tmp_path / "headgate.yml")
    assert read.jobs[-1].schedules[0].timezone == "Europe/Berlin"
    if found.fivetran:
        assert read.jobs[0].connectors == found.fivetran


def test_validate_reads_several_files_and_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    head, sign, jobs = EVERY_KEY.partition("jobs:\n")
    Path("jobs").mkdir()
    Path("environments.yml").write_text(head)
    Path("jobs/finance.yml").write_text(f"version: 1\n{sign}{jobs}")
    code, out, told = headgate("validate", "--file", "environments.yml", "--file", "jobs")
    assert code == 0
    assert "environments.yml, jobs are valid: 1 environment, 3 jobs, 4 receivers, 1 alert rule" in out
    assert "fivetran salesforce, stripe: all within 2 h" in out
    assert "no job of these files: core. Another project's" in told
    assert "headgate jobs plan --file environments.yml --file jobs" in told
    shown = json.loads(headgate("validate", "--file", "environments.yml", "--file", "jobs", "--json")[1])
    assert (shown["valid"], shown["origin"], shown["jobs_elsewhere"]) == (True, "shop", ["core"])
    assert shown["jobs"][0]["when"] == ["only when asked"]


def test_problems_are_an_object_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("headgate.yml").write_text(EVERY_KEY.replace("wait_for: 3", "wait_for: 9"))
    code, out, _ = headgate("validate", "--json")
    assert code == 2
    found = json.loads(out)
    assert found["valid"] is False
    assert [(one["line"], one["path"]) for one in found["problems"]] == [
        (67, "jobs.joined.when.gate.wait_for")
    ]


def test_the_schema_is_printed() -> None:
    assert headgate("schema") == (0, schema_text(), "")
    assert headgate("schema", "--keys")[1].startswith("### The file\n")
