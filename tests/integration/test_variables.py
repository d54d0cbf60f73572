"""Variables, secrets and overrides with real dbt: from headgate.yml to what the models' SQL says in Postgres."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headgate.adapters.jobs_file import read_jobs_file
from headgate.adapters.memory import MemoryWorld
from headgate.domain.bundle import METADATA, PROJECT
from headgate.domain.env_test import env_test
from headgate.domain.job import Job, JobsFile
from headgate.domain.overrides import NO_OVERRIDES, Overrides
from headgate.domain.plan import Engine
from headgate.domain.run import Cause, Run, RunStatus
from headgate.settings import Settings
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.finalize_run import FinalizeRun
from headgate.usecases.plan_run import draft_plan, plan_run
from headgate.usecases.route_alerts import Delivery, route_alerts
from headgate.usecases.start_job import start_job
from headgate_cli.app import app
from tests.integration.runner_stage import Runner, Stage, stage

CANARY = "canary-Zx9 'quoted'/+7"
TOLD, STEADY, BROKEN = "model.told.told", "model.told.steady", "model.told.broken"
FILES = {
    "dbt_project.yml": "name: told\nprofile: told\nversion: '1.0'\nmodels: {told: {+materialized: table}}\n",
    "profiles.yml": """
told:
  target: prod
  outputs:
    prod:
      type: postgres
      host: "{{ env_var('SHOP_PG_HOST') }}"
      port: "{{ env_var('SHOP_PG_PORT') | int }}"
      user: "{{ env_var('SHOP_PG_USER') }}"
      password: "{{ env_var('DBT_ENV_SECRET_PASSWORD') }}"
      dbname: "{{ env_var('SHOP_PG_DATABASE') }}"
      schema: nowhere
      threads: 1
""",
    "models/told.sql": """
select '{{ env_var("DBT_REGION") }}' as region, '{{ env_var("DBT_SIZE") }}' as size,
  '{{ env_var("DBT_UNIT") }}' as unit, '{{ env_var("DBT_LEFT", "default") }}' as left_out,
  '{{ var("day", "none") }}' as day, {{ target.threads }} as threads
""",
    "models/steady.sql": "select 1 as id",
    "models/of_us.sql": "{{ config(enabled=env_var('DBT_REGION') == 'us') }} select 2 as id",
    # Read when it is built alone: while dbt parses there is nothing to execute.
    "models/broken.sql": """
select cast($${% if execute %}{{ env_var('JOB_TOKEN', '') }}{% endif %}$$ as integer) as x
""",
    "headgate.yml": """
version: 1
project: told
variables: {DBT_UNIT: kg, DBT_SIZE: "1"}
environments:
  production:
    target: prod
    schema: analytics
    variables: {DBT_REGION: eu, DBT_SIZE: "10"}
    secrets: {DBT_ENV_SECRET_PASSWORD: warehouse/prod#password}
jobs:
  finance:
    environment: production
    run: [dbt build]
    reuse: true
    variables: {DBT_REGION: us}
    secrets: {JOB_TOKEN: warehouse/job#token}
    retries: {max: 0}
alerts:
  - send: [{slack: "#data"}]
""",
}


@pytest.fixture(scope="module")
def told(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.lstrip("\n"))
    jobs_file = read_jobs_file(folder / "headgate.yml")
    variables = postgres.database("told")
    del variables["DBT_ENV_SECRET_SHOP_PG_PASSWORD"]
    with stage(variables, jobs_file.environments[0]) as on:
        # In the place of the stage's own environment.
        on.world.jobs.apply(JobsFile((), (), ()), jobs_file)
        on.world.settings = Settings({})  # type: ignore[attr-defined]
        on.world.secrets.values |= {
            "warehouse/prod": {"password": CANARY},
            "warehouse/job": {"token": CANARY},
        }
        yield Told(on, folder, on.world.jobs.job("finance"))


class Told:
    """The project above, its stage, and everything that anybody was shown of it."""

    def __init__(self, on: Stage, folder: Path, job: Job) -> None:
        self.on, self.folder, self.job = on, folder, job
        self.shown: list[str] = []

    @property
    def world(self) -> MemoryWorld:
        return self.on.world

    def headgate(self, *words: str, text: str = "", code: int = 0) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in self.on.variables.items():
                patch.setenv(name, value)
            result = CliRunner().invoke(app, list(words), obj=self.world, input=text, catch_exceptions=False)
        self.shown.append(result.output)
        assert result.exit_code == code, result.output
        return str(result.stdout)

    def begin(self, job: Job, overrides: Overrides = NO_OVERRIDES) -> Run:
        world = self.world
        cause = Cause("api", str(len(world.runs.list_runs(1000))))
        run = start_job(job, cause, jobs=world.jobs, runs=world.runs, bus=world.bus, overrides=overrides)
        assert run.run_id in dispatch_runs(None, world)
        self.on.plan = plan_run(run.run_id, 1, world).plan
        return run

    def run(self, job: Job, overrides: Overrides = NO_OVERRIDES, **variables: str) -> Run:
        run = self.begin(job, overrides)
        runner: Runner = self.on.start(1, **variables)
        assert runner.wait(240) == 0, runner.output + runner.errors
        self.shown += [runner.output, runner.errors]
        FinalizeRun.of(self.world, "http://127.0.0.1")(run.run_id, 1)
        return self.world.runs.get_run(run.run_id)


def everything(world: MemoryWorld) -> str:
    """What lies in DynamoDB and S3 and was sent, in one text; but for the secrets themselves."""
    ports = {name: port for name, port in vars(world).items() if name != "secrets"}
    found = [repr(vars(port) if hasattr(port, "__dict__") else port) for port in ports.values()]
    found += [repr(vars(notifier)) for notifier in world._notifiers.values()]
    for (_, name), body in world.bundles._files.items():
        if name == PROJECT:
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                found += [archive.read(member).decode(errors="replace") for member in archive.namelist()]
    return "\n".join(found)


def test_from_the_file_to_the_warehouse_and_back(told: Told, postgres: Any) -> None:
    """One story, since each run takes seconds: a run of the job, one elsewhere, what is left of both, the secrets."""
    told.headgate("publish")
    world = told.world

    # The job's own variable makes another project of it: `of_us` is enabled for it alone.
    first = told.run(told.job)
    plan = told.on.plan
    assert plan is not None
    assert (plan.engine, plan.variables["DBT_REGION"]) == (Engine.SHARED, "us")
    assert told.on.statuses == {
        TOLD: "success",
        STEADY: "success",
        "model.told.of_us": "success",
        BROKEN: "error",
    }
    production = "select region, size, unit, left_out, day, threads from analytics.told"
    assert postgres.query("told", production) == [("us", "10", "kg", "default", "none", 4)]
    assert first.status is RunStatus.ERROR
    # The error is that the secret is no number; what it was stays in the runner.
    assert str(first.error).startswith(f"{BROKEN}: ")
    assert "*****" in json.dumps([result.entry for result in told.on.results])

    # In another schema, with variables and threads of its own.
    states = world.states.read("production", [TOLD, STEADY, BROKEN])
    tables = postgres.checksums("told")
    second = told.run(told.job, Overrides(schema="pr_7", threads=2, vars='{"day": "monday"}'))
    assert told.on.plan is not None
    assert (told.on.plan.engine, told.on.plan.anew) == (Engine.COMMAND, True)
    assert second.status is RunStatus.ERROR
    elsewhere = production.replace("analytics", "pr_7")
    assert postgres.query("told", elsewhere) == [("us", "10", "kg", "default", "monday", 2)]
    after = postgres.checksums("told")
    assert {name: found for name, found in after.items() if not name.startswith("pr_7.")} == tables
    assert world.states.read("production", [TOLD, STEADY, BROKEN]) == states
    assert states[STEADY].run_id == first.run_id
    # So the next run may still reuse what the first one built.
    with_reuse = draft_plan(begun(told), 1, world)
    reused = {node.unique_id for node in with_reuse.nodes if not node.is_built}
    assert STEADY in reused
    assert TOLD not in reused

    look_everywhere(told, first, second)


def begun(told: Told) -> Run:
    world = told.world
    return start_job(told.job, Cause("cli", "next"), jobs=world.jobs, runs=world.runs, bus=world.bus)


def look_everywhere(told: Told, *runs: Run) -> None:
    """The secret is in nothing that is stored, sent or shown."""
    world = told.world
    sent: list[Delivery] = []
    for alert in world.alerts.published:
        route_alerts(alert, rules=world.jobs.alert_rules(), deliver=sent.append)
    assert any("invalid input syntax" in delivery.alert.error for delivery in sent)
    told.shown.append(repr(sent))
    listed = told.headgate("env", "list", "production", "--job", "finance")
    for word in (
        "us",
        "job finance",
        "environment production",
        "project told",
        "default in the code",
        "******",
    ):
        assert word in listed
    told.headgate("env", "list", "--json")
    for run in runs:
        told.headgate("runs", "view", str(run.run_id))
        told.headgate("logs", str(run.run_id), "--level", "debug")
    assert world.alerts.published
    stored, shown = everything(world), "\n".join(told.shown)
    for form in (CANARY, json.dumps(CANARY)[1:-1], repr(CANARY)[1:-1], "canary-Zx9"):
        assert form not in stored
        assert form not in shown
    # It was looked for where it would be: what stands beside it is found.
    assert "invalid input syntax" in stored
    assert "invalid input syntax" in shown
    assert (
        "JOB_TOKEN" in json.loads(world.bundles.read(world.jobs.bundle_of("production"), METADATA))["reads"]
    )


def test_an_environment_is_tried_by_dbt_itself(told: Told) -> None:
    if not told.world.bundles._files:
        told.headgate("publish")
    run = told.run(env_test(told.on.environment))
    assert run.status is RunStatus.SUCCESS, run.error
    said = [line["message"] for line in told.world.artifacts.logs(run.run_id, 1)]
    assert any("Connection test: [OK connection ok]" in line for line in said)

    run = told.run(env_test(told.on.environment, told.job), SHOP_PG_DATABASE="nowhere")
    assert run.status is RunStatus.ERROR
    assert 'database "nowhere" does not exist' in str(run.error)
