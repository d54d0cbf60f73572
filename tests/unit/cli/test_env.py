"""`headgate env`: values and their origin, secrets that are stored and never shown, and `dbt debug` as a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headgate.adapters.jobs_file import read_jobs_file
from headgate.adapters.memory.secrets import MemorySecrets
from headgate.domain.bundle import METADATA, BundleMetadata
from headgate.domain.plan import COMMAND
from headgate.domain.results import NodeResult
from headgate.domain.run import RunStatus
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.finalize_run import FinalizeRun
from headgate_cli.app import app

FILE = """\
version: 1
project: shop
variables: {DBT_REGION: eu, DBT_UNIT: kg}
environments:
  production:
    target: prod
    schema: analytics
    variables: {DBT_REGION: de}
    secrets: {DBT_ENV_SECRET_PASSWORD: warehouse/prod#password, SHOP_HOST: warehouse/prod#host}
  staging: {target: prod, schema: staging}
jobs:
  finance:
    environment: production
    run: [dbt build]
    variables: {DBT_UNIT: lb}
    secrets: {DBT_ENV_SECRET_PASSWORD: warehouse/finance#password}
"""
READS = {"DBT_REGION": None, "DBT_LEFT": "default", "DBT_NOWHERE": None, "*": ""}
VALUE = "canary-value"


@pytest.fixture
def world(world: Any, jobs_file: Path) -> Any:
    from headgate.domain.job import JobsFile

    jobs_file.write_text(FILE)
    written = read_jobs_file(jobs_file)
    [finance] = written.jobs
    # As a version before 0.2 let it be applied.
    finance = replace(finance, secrets={**finance.secrets, "ELSEWHERE": "other/finance#x"})
    world.jobs.apply(JobsFile((), (), ()), replace(written, jobs=(finance,)))
    bundle = world.jobs.bundle_of("production")
    said = BundleMetadata(
        bundle, "shop", "production", "prod", "analytics", 4, "1.11.16", "postgres", {}, "now", reads=READS
    )
    world.bundles._files[bundle, METADATA] = said.to_json()
    world.secrets.values["warehouse/prod"] = {"password": VALUE}
    return world


def variables(asked: Callable[..., Any], *words: str) -> dict[str, tuple[str, str, str, str]]:
    [listing] = asked("env", "list", *words)["environments"]
    assert listing["computes_names"] is (words[0] == "production")
    return {
        one["name"]: (one["value"], one["origin"], one["secret"], one["fault"])
        for one in listing["variables"]
    }


def test_each_variable_with_its_origin(asked: Callable[..., Any]) -> None:
    missing = "the project reads it and gives no default"
    assert variables(asked, "production") == {
        "DBT_REGION": ("de", "environment production", None, None),
        "DBT_UNIT": ("kg", "project shop", None, None),
        "DBT_LEFT": ("default", "default in the code", None, None),
        "DBT_NOWHERE": (None, "set nowhere", None, missing),
        "DBT_ENV_SECRET_PASSWORD": ("******", "environment production", "warehouse/prod#password", None),
        "SHOP_HOST": (
            "******",
            "environment production",
            "warehouse/prod#host",
            "the secret warehouse/prod has no key host",
        ),
    }


def test_a_job_s_own_come_first(asked: Callable[..., Any]) -> None:
    found = variables(asked, "production", "--job", "finance")
    assert found["DBT_UNIT"][:2] == ("lb", "job finance")
    assert found["DBT_ENV_SECRET_PASSWORD"][1:] == (
        "job finance",
        "warehouse/finance#password",
        "there is no secret warehouse/finance",
    )
    assert found["ELSEWHERE"][3] == "runners may read only secrets below warehouse/"


def test_every_environment_is_listed_and_no_value_of_a_secret(headgate: Any) -> None:
    result = headgate("env", "list")
    assert result.exit_code == 0
    assert "production" in result.stdout
    assert "staging" in result.stdout
    assert "******" in result.stdout
    assert VALUE not in result.output
    assert "headgate env set-secret production SHOP_HOST" in result.output


def test_a_job_of_another_environment_is_refused(headgate: Any) -> None:
    result = headgate("env", "list", "staging", "--job", "finance")
    assert result.exit_code == 2
    assert "job finance runs in environment production, not in staging" in result.output


def given(world: Any, text: str, *words: str) -> Any:
    return CliRunner().invoke(
        app, ["env", "set-secret", *words], obj=world, input=text, catch_exceptions=False
    )


@pytest.mark.parametrize("text", ["new", "new\n", "new\r\n"])
def test_a_secret_is_read_from_the_standard_input(world: Any, text: str) -> None:
    result = given(world, text, "production", "SHOP_HOST")
    assert result.exit_code == 0, result.output
    assert world.secrets.get("warehouse/prod") == {"password": VALUE, "host": "new"}
    assert "new" not in result.output.replace("news", "")


def test_a_key_of_several_lines_stays_one(world: Any) -> None:
    assert given(world, "-----BEGIN\nx\n-----END\n", "production", "SHOP_HOST").exit_code == 0
    assert world.secrets.get("warehouse/prod")["host"] == "-----BEGIN\nx\n-----END"


def test_a_secret_that_is_missing_is_made(world: Any) -> None:
    result = given(world, "new\n", "production", "DBT_ENV_SECRET_PASSWORD", "--job", "finance")
    assert result.exit_code == 0, result.output
    assert world.secrets.get("warehouse/finance") == {"password": "new"}
    assert world.secrets.get("warehouse/prod") == {"password": VALUE}


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("", ("production", "SHOP_HOST"), "the value of SHOP_HOST is empty"),
        (" \n", ("production", "SHOP_HOST"), "the value of SHOP_HOST is empty"),
        ("x", ("production", "SHOP_HOST", "canary-typed"), "stays in the shell's history"),
        ("x", ("production", "DBT_REGION"), "DBT_REGION is set as a plain variable"),
        ("x", ("production", "DBT_NEW"), "DBT_NEW is not set for environment production"),
        ("x", ("production", "ELSEWHERE", "--job", "finance"), "runners may read only below warehouse/"),
        ("x", ("staging", "SHOP_HOST", "--job", "finance"), "not in staging"),
    ],
)
def test_what_is_refused_changes_nothing(world: Any, text: str, words: tuple[str, ...], said: str) -> None:
    before = dict(world.secrets.values)
    result = given(world, text, *words)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert "canary-typed" not in result.output
    assert world.secrets.values == before


def test_storing_the_same_again_writes_nothing(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("it was written")

    monkeypatch.setattr(MemorySecrets, "put", refuse)
    assert given(world, VALUE, "production", "DBT_ENV_SECRET_PASSWORD").exit_code == 0


# `headgate env test` ---------------------------------------------------------------------------------------------

LINES = [
    "runner 1 begins, attempt 1",
    "dbt debug · by dbt",
    "dbt version: 1.11.16",
    "  Connection test: [ERROR]",
    "could not connect\n  Connection refused",
    "could not connect\n  Connection refused",
]


def debugging(world: Any, status: str, message: str) -> Iterator[None]:
    """The run of `dbt debug`, as the state machine and its runner would drive it."""
    from headgate.usecases.plan_run import plan_run
    from headgate.usecases.run_nodes import QueueSession

    yield
    [run_id] = dispatch_runs(None, world)
    world.runs.move(run_id, RunStatus.RUNNING)
    session = QueueSession(world.queue, world.clock, plan_run(run_id, 1, world).plan, 1)
    session.begin()
    session.next()
    yield
    entry = {"unique_id": COMMAND, "status": status, "execution_time": 1.0, "message": message}
    session.finish(COMMAND, NodeResult.from_entry(entry, 1))
    lines = [
        {"message": line, "level": "info", "at": f"2026-01-01T00:00:0{n}Z"} for n, line in enumerate(LINES)
    ]
    world.artifacts.append_log(run_id, 1, 1, 1, lines)
    FinalizeRun.of(world, "http://127.0.0.1")(run_id, 1)
    yield


@pytest.fixture
def published(world: Any) -> Any:
    from tests.builders import make_index

    index = make_index(env_vars={}).encode()
    world.bundles._files[world.jobs.bundle_of("production"), "44136fa355b3678a/index.msgpack"] = index
    return world


def test_an_environment_is_tried_in_a_run_of_its_own(published: Any, clock: Any, headgate: Any) -> None:
    clock.script = debugging(published, "success", "")
    result = headgate("env", "test", "production", "--job", "finance")
    assert result.exit_code == 0, result.output
    assert "dbt version: 1.11.16" in result.stdout
    assert "runner 1 begins" not in result.stdout
    [run] = published.runs.list_runs()
    assert (run.job, run.steps) == ("env-test/production/finance", ("dbt debug",))


def test_what_fails_is_said_and_the_exit_code_is_1(published: Any, clock: Any, headgate: Any) -> None:
    clock.script = debugging(published, "error", "dbt was unable to connect")
    result = headgate("env", "test", "production", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["passed"], found["error"]) == (False, "dbt was unable to connect")
    assert found["checks"] == LINES[2:-1], "and nothing twice"
    assert published.alerts.published == []


def test_without_a_bundle_there_is_nothing_to_try(world: Any, headgate: Any) -> None:
    result = headgate("env", "test", "staging")
    assert result.exit_code == 5
    assert "headgate publish --environment staging" in result.output


@pytest.mark.parametrize("words", [("list", "produktion"), ("test", "produktion")])
def test_an_environment_that_is_misspelt(headgate: Any, words: tuple[str, ...]) -> None:
    result = headgate("env", *words)
    assert result.exit_code == 5
    assert result.stderr == "error no environment named 'produktion'; did you mean production?\n"
