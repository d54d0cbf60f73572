"""What a run survives and what ends it, on the local stack: killed runners, cancels, a database that is down."""

import json
import os
import signal
import time
from typing import Any

import httpx
import pytest

from headgate_local.runners import Runner, runners
from tests.e2e.conftest import Stack, wait_for

# A model that a person would cancel, and a job of its own for it.
SLEEPER = "{{ config(materialized='table') }}\nselect 1 as one from pg_sleep(120)\n"
JOB = """
  sleeper:
    environment: production
    run:
      - dbt run --select sleeper
"""


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Stack:
    """The stack with a job that takes its time, which no other job of this file meets."""
    (stack.shop / "models" / "sleeper.sql").write_text(SLEEPER)
    jobs = stack.shop / "headgate.yml"
    text = jobs.read_text().replace("      - dbt build\n", "      - dbt build --exclude sleeper\n")
    jobs.write_text(text.replace("\nalerts:", f"{JOB}\nalerts:"))
    stack.publish()
    stack.headgate("jobs", "apply", "--file", str(jobs))
    return stack


@pytest.fixture(scope="module")
def green(shop: Stack) -> dict[str, Any]:
    """The first run, undisturbed."""
    return shop.finished(shop.run_after(shop.sync_ended("storefront")))


def runners_of(stack: Stack, run_id: int) -> list[Runner]:
    return [runner for runner in runners(stack.root) if runner.run_id == run_id]


def sessions(stack: Stack, run_id: int, *, running: bool = False) -> list[Any]:
    """This run's sessions on the warehouse, all or those that run a statement."""
    state = "and state = 'active'" if running else ""
    return stack.warehouse.query(
        stack.warehouse.dbname,
        f"select pid, application_name, query from pg_stat_activity "  # noqa: S608 - a number
        f"where application_name like 'headgate-run-{run_id}.%' {state}",
    )


def statuses(stack: Stack, run_id: int) -> dict[str, str]:
    results = json.loads(stack.artifact(run_id, "run_results.json"))["results"]
    return {result["unique_id"]: result["status"] for result in results}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_runner_that_dies_in_the_middle_is_started_again_and_the_run_ends_well(
    shop: Stack, green: dict[str, Any], number: signal.Signals
) -> None:
    assert green["run"]["status"] == "success", green["run"]["error"]
    run_id = shop.run_after(shop.sync_ended("storefront"))
    # By its sessions on the warehouse: the command line is slower to answer than a short run is to end.
    wait_for(lambda: bool(sessions(shop, run_id)), 60)
    victim = runners_of(shop, run_id)[0]
    os.kill(victim.pid, number)
    run = shop.finished(run_id, 240)
    assert run["run"]["status"] == "success", run["run"]["error"]
    assert statuses(shop, run_id) == statuses(shop, green["run"]["run_id"])
    assert not sessions(shop, run_id)


def sleeping(stack: Stack) -> int:
    """A run of the sleeper, as soon as its statement is under way."""
    before = stack.runs().keys()
    stack.headgate("run", "sleeper", "--no-watch")
    [run_id] = stack.runs().keys() - before
    wait_for(lambda: any("pg_sleep" in query for _, _, query in sessions(stack, run_id, running=True)), 90)
    return int(run_id)


def assert_cancelled(stack: Stack, run_id: int) -> None:
    run = stack.finished(run_id, 90)["run"]
    assert run["status"] == "cancelled"
    assert "sleeper" in run["error"], "it says what it stopped"
    wait_for(lambda: not sessions(stack, run_id), 30)
    wait_for(lambda: not runners_of(stack, run_id), 40)
    assert stack.json("runs", "view", str(run_id))["run"]["status"] == "cancelled"


def test_a_run_that_is_cancelled_by_hand_leaves_nothing_in_the_warehouse(shop: Stack) -> None:
    run_id = sleeping(shop)
    shop.headgate("cancel", str(run_id))
    assert_cancelled(shop, run_id)


def test_a_run_that_is_cancelled_by_the_api_leaves_nothing_in_the_warehouse(shop: Stack) -> None:
    run_id = sleeping(shop)
    url = f"{shop.local.url}/api/runs/{run_id}"
    headers = {"authorization": f"Bearer {shop.local.api_token}"}
    assert httpx.post(f"{url}/cancel", timeout=40).status_code == 401
    assert httpx.post(f"{url}/cancel", headers=headers, timeout=40).status_code == 202
    assert_cancelled(shop, run_id)
    assert httpx.get(url, headers=headers, timeout=40).json()["run"]["status"] == "cancelled"


def test_an_execution_that_is_stopped_in_aws_leaves_nothing_in_the_warehouse(shop: Stack) -> None:
    run_id = sleeping(shop)
    machine = shop.local.outputs["StateMachineArn"]
    arn = machine.replace(":stateMachine:", ":execution:") + f":run-{run_id}"
    shop.client("stepfunctions").stop_execution(executionArn=arn, cause="by hand")
    assert_cancelled(shop, run_id)


def test_a_run_whose_execution_ended_unheard_is_ended_by_the_next_minute(shop: Stack) -> None:
    """The event of the execution's end is lost; reap_runs finds what is left."""
    events = shop.client("events")
    [rule] = [
        rule["Name"]
        for rule in events.list_rules()["Rules"]
        if "Execution Status Change" in rule.get("EventPattern", "")
    ]
    run_id = sleeping(shop)
    machine = shop.local.outputs["StateMachineArn"]
    arn = machine.replace(":stateMachine:", ":execution:") + f":run-{run_id}"
    events.disable_rule(Name=rule)
    try:
        shop.client("stepfunctions").stop_execution(executionArn=arn, cause="by hand")
        time.sleep(1)
    finally:
        events.enable_rule(Name=rule)
    run = shop.finished(run_id, 150)["run"]
    assert run["status"] == "cancelled"
    wait_for(lambda: not sessions(shop, run_id), 30)


def test_a_database_that_is_down_ends_the_run_with_its_message(shop: Stack) -> None:
    name = f"{shop.local.outputs['SecretsPrefix']}/warehouse/shop"
    secrets = shop.client("secretsmanager")
    kept = secrets.get_secret_value(SecretId=name)["SecretString"]
    secrets.put_secret_value(SecretId=name, SecretString=json.dumps({**json.loads(kept), "port": 1}))
    try:
        run = shop.finished(shop.run_after(shop.sync_ended("storefront")), 240)
    finally:
        secrets.put_secret_value(SecretId=name, SecretString=kept)
    assert run["run"]["status"] == "error"
    assert "refused" in run["run"]["error"]
    assert shop.receiver.wait_for("job.shop", 3) is None, "the rule is about finance, not about everything"
