"""The queue of a job, its variables, and what whoever starts it may set."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.domain.declared_var import DeclaredVar
from headgate.domain.job import Job
from tests.jobs_files import assert_one, job, problems, read, with_job

QUEUE = """
on_conflict: cancel_running
max_parallel_runs: 2
priority: -10
deactivate_after: 0
paused: true
"""


def test_the_queue_of_a_job(tmp_path: Path) -> None:
    found = job(tmp_path, QUEUE)
    assert (found.on_conflict, found.max_parallel_runs, found.priority) == ("cancel_running", 2, -10)
    assert (found.deactivate_after, found.paused) == (0, True)


def test_the_queue_is_as_the_record_says_if_the_file_says_nothing(tmp_path: Path) -> None:
    found, plain = job(tmp_path, ""), Job("finance", "production", ("dbt build",))
    assert found == plain


LIMITS = """\
version: 1
account: {max_parallel_runs: 20}
environments:
  production: {target: prod, schema: analytics, max_parallel_runs: 4}
  staging: {target: staging, schema: staging}
"""


def test_limits_of_an_environment_and_of_the_stack(tmp_path: Path) -> None:
    found = read(tmp_path, LIMITS)
    assert found.max_parallel_runs == 20
    assert [one.max_parallel_runs for one in found.environments] == [4, None]


LEVELS = """\
version: 1
project: shop
variables: {DBT_REGION: eu, DBT_DAY: "1"}
secrets: {DBT_ENV_SECRET_KEY: warehouse/all#key}
environments:
  production: {target: prod, schema: analytics, variables: {DBT_REGION: us},
               secrets: {PASSWORD: warehouse/prod#password}}
jobs:
  finance:
    environment: production
    run: [dbt build]
    variables: {DBT_REGION: jp, EMPTY: ""}
    secrets: {DBT_ENV_SECRET_KEY: warehouse/finance#key}
"""


def test_variables_and_secrets_of_three_levels(tmp_path: Path) -> None:
    found = read(tmp_path, LEVELS)
    (environment,), (one,) = found.environments, found.jobs
    assert (environment.project, found.project, found.origin) == ("shop", "shop", "shop")
    assert environment.project_variables == {"DBT_REGION": "eu", "DBT_DAY": "1"}
    assert environment.project_secrets == {"DBT_ENV_SECRET_KEY": "warehouse/all#key"}
    assert (environment.variables, environment.secrets) == (
        {"DBT_REGION": "us"},
        {"PASSWORD": "warehouse/prod#password"},
    )
    assert (one.variables, one.secrets) == (
        {"DBT_REGION": "jp", "EMPTY": ""},
        {"DBT_ENV_SECRET_KEY": "warehouse/finance#key"},
    )


VARS = """
vars:
  day: {type: date, choices: [2026-01-31, "2026-02-28"]}
  region: {choices: [eu, us]}
  share: {type: number, choices: [1, 0.5]}
  full: {type: bool}
"""


def test_variables_that_whoever_starts_it_may_set(tmp_path: Path) -> None:
    assert job(tmp_path, VARS).vars == (
        DeclaredVar("day", "date", ("2026-01-31", "2026-02-28")),
        DeclaredVar("region", "text", ("eu", "us")),
        DeclaredVar("share", "number", ("1", "0.5")),
        DeclaredVar("full", "bool"),
    )


WRONG = [
    ("on_conflict: queue_last", "on_conflict", "Did you mean queue_latest?"),
    ("on_conflict: skip_if_running", "on_conflict", "Did you mean skip?"),
    ("on_conflict: true", "on_conflict", "must be 'queue_latest', 'queue_all', 'skip' or 'cancel_running', not True"),
    ("on_conflicts: skip", "on_conflicts", "Did you mean on_conflict?"),
    ("max_parallel_runs: 0", "max_parallel_runs", "at least 1"),
    ("max_parallel_runs: 1001", "max_parallel_runs", "at most 1000"),
    ("max_parallel_runs: many", "max_parallel_runs", "must be a whole number, not a text ('many')"),
    ("priority: high", "priority", "must be a whole number, not a text ('high')"),
    ("priority: 1001", "priority", "at most 1000"),
    ("priority: 1.5", "priority", "must be a whole number, not a number (1.5)"),
    ("deactivate_after: -1", "deactivate_after", "at least 0"),
    ("deactivate_after: never", "deactivate_after", "must be a whole number"),
    ("paused: yes", "paused", "must be true or false, not a text ('yes')"),
    ("pause: true", "pause", "Did you mean paused?"),
    ("variables: {DBT_ENV_SECRET_X: y}", "variables.DBT_ENV_SECRET_X",
     "belongs to secrets: DBT_ENV_SECRET_X: <secret name>#<json key>"),
    ("variables: {HEADGATE_TABLE: y}", "variables.HEADGATE_TABLE", "steers the runner itself"),
    ("variables: {AWS_PROFILE: y}", "variables.AWS_PROFILE", "steers the runner itself"),
    ("variables: {PATH: y}", "variables.PATH", "steers the runner itself"),
    ("variables: {DBT_TARGET: y}", "variables.DBT_TARGET", "steers the runner itself"),
    ("variables: {PYTHONPATH: y}", "variables.PYTHONPATH", "steers the runner itself"),
    ("variables: {my-var: y}", "variables.my-var", "must be the name of an environment variable"),
    ("variables: {1: y}", "variables[1]", "must be a text, not a number (1)"),
    ("variables: {DAY: 1}", "variables.DAY", "must be a text, not a number (1)"),
    ("variables: {DAY: true}", "variables.DAY", "must be a text, not true or false"),
    ("variables: {DAY: }", "variables.DAY", "is empty"),
    ("variables: [DAY]", "variables", "must be a mapping"),
    ("env: {DAY: x}", "env", "Did you mean variables?"),
    ("secrets: {PASSWORD: webhooks/fivetran#secret}", "secrets.PASSWORD",
     "runners may read only secrets below warehouse/, not 'webhooks/fivetran': keep it there"),
    ("secrets: {PASSWORD: warehouse/#secret}", "secrets.PASSWORD", "not 'warehouse/'"),
    ("secrets: {PASSWORD: prod/warehouse/x#secret}", "secrets.PASSWORD", "runners may read only"),
    ("secrets: {PASSWORD: hunter2}", "secrets.PASSWORD", "must be <secret name>#<json key>"),
    ("secrets: {LD_PRELOAD: warehouse/a#b}", "secrets.LD_PRELOAD", "cannot be a secret"),
    ("secrets: {A B: warehouse/a#b}", "secrets.A B", "the name of an environment variable"),
    ("{variables: {X: a}, secrets: {X: warehouse/a#b}}", "variables.X", "is among the secrets beside it as well"),
    ("vars: {day: date}", "vars.day", "must be a mapping (key: value), not a text ('date')"),
    ("vars: {day: {type: datum}}", "vars.day.type", "Did you mean date?"),
    ("vars: {day: {type: string}}", "vars.day.type", "Did you mean text?"),
    ("vars: {day: {default: x}}", "vars.day.default", "unknown key. Known here: type, choices"),
    ("vars: {my var: {}}", "vars.my var", "must be the name of a dbt variable"),
    ("vars: {on: {choices: []}}", "vars.on.choices", "at least one entry"),
    ("vars: {d: {choices: [eu, eu]}}", "vars.d.choices", "'eu' is written twice"),
    ("vars: {d: {type: date, choices: [2026-01-31, tomorrow]}}", "vars.d.choices[1]", "'tomorrow' is no date"),
    ("vars: {n: {type: number, choices: [1, inf]}}", "vars.n.choices[1]", "'inf' is no number"),
    ("vars: {b: {type: bool, choices: ['true']}}", "vars.b.choices", "a bool is true or false"),
    ("vars: {t: {choices: [true]}}", "vars.t.choices[0]", "must be a text, not true or false"),
    ("timeout: 3h", "timeout", "not supported yet"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "path", "words"), WRONG, ids=[case[0] for case in WRONG])
def test_what_cannot_be_said_of_a_job(tmp_path: Path, written: str, path: str, words: str) -> None:
    text = with_job(f"{written} #!")
    if written.startswith("{"):  # two keys in one line
        text = with_job("variables: {X: a} #!\nsecrets: {X: warehouse/a#b}")
    assert_one(tmp_path, text, f"jobs.finance.{path}", words)


@pytest.mark.parametrize(
    ("old", "new", "path", "words"),
    [
        ("{max_parallel_runs: 20}", "{max_parallel_run: 20}", "account.max_parallel_run",
         "Did you mean max_parallel_runs?"),
        ("{max_parallel_runs: 20}", "20", "account", "must be a mapping"),
        ("{max_parallel_runs: 20}", "{max_parallel_runs: 0}", "account.max_parallel_runs", "at least 1"),
        ("max_parallel_runs: 4", "max_parallel_runs: none", "environments.production.max_parallel_runs",
         "must be a whole number"),
        ("max_parallel_runs: 4", "limits: 4", "environments.production.limits", "not supported yet"),
        ("max_parallel_runs: 4", "variables: {HEADGATE_X: y}", "environments.production.variables.HEADGATE_X",
         "cannot be set here"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_of_limits(tmp_path: Path, old: str, new: str, path: str, words: str) -> None:
    lines = [f"{line.replace(old, new)} #!" if old in line else line for line in LIMITS.splitlines()]
    assert_one(tmp_path, "\n".join(lines), path, words)


@pytest.mark.parametrize(
    ("line", "path", "words"),
    [
        ("project: my shop", "project", "must be 1 to 48 letters"),
        ("project: ", "project", "is empty: write a value"),
        ("project: 3", "project", "must be a text, not a number (3)"),
        ("defaults: {}", "defaults", "not supported yet"),
        ("receiver: {}", "receiver", "Did you mean receivers?"),
    ],
)
def test_what_cannot_be_said_of_the_file(tmp_path: Path, line: str, path: str, words: str) -> None:
    assert_one(tmp_path, with_job("", f"{line} #!\n"), path, words)


def test_a_file_without_environments_says_so_once(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "version: 1\njobs: {a: {environment: production, run: [dbt build]}}\n")
    assert (problem.line, problem.path) == (1, "environments")
    assert "is missing" in problem.message
    (problem,) = problems(tmp_path, "version: 1\nenvironment: {production: {}}\n")
    assert "Did you mean environments?" in problem.message
