"""The whole path on the local stack: a signed webhook over real HTTP ends in tables, records and a message.

What the run built, recorded and skipped is compared with plain `dbt build` of the same project.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dbt.artifacts.schemas.run import RunResultsArtifact

from tests.conftest import RunDbt
from tests.e2e.conftest import FINAL, REPOSITORY, Stack, wait_for
from tests.e2e.page import Example, examples, one_file

BROKEN_FILE = Path("models/intermediate/finance/int_order_payments.sql")
GOOD, BAD = "sum(amount_eur) as paid_eur", "sum(amount_euro) as paid_eur"
BROKEN_NODE = "model.shop.int_order_payments"
TRIGGERS = examples(REPOSITORY / "docs" / "triggers.md")


@pytest.fixture(scope="module")
def green(stack: Stack) -> dict[str, Any]:
    """The first run: the whole shop on an empty warehouse, over two runners."""
    return stack.finished(stack.run_after(stack.sync_ended("storefront")))


def hookless(statuses: dict[str, str]) -> dict[str, str]:
    return {node: status for node, status in statuses.items() if not node.startswith("operation.")}


def merged(stack: Stack, run_id: int) -> dict[str, str]:
    document = json.loads(stack.artifact(run_id, "run_results.json"))
    ends = [(result["unique_id"], result["status"]) for result in document["results"]]
    for result in document["results"]:
        # A word of dbt 1.12; everything else is as 1.11 reads it.
        if result["status"] == "reused":
            result["status"] = "no-op" if not result["unique_id"].startswith("test.") else "pass"
    artifact = RunResultsArtifact.from_dict(document)
    assert artifact.args["which"] == "build"
    assert len(ends) == len(dict(ends)), "a node stands in the results twice"
    return dict(ends)


def test_the_tables_and_statuses_are_those_of_plain_dbt(
    stack: Stack, green: dict[str, Any], run_dbt: RunDbt
) -> None:
    assert green["run"]["status"] == "success"
    plain = run_dbt(stack.shop, stack.warehouse.database("plain"), "build", "--target", "prod")
    assert plain.returncode == 0, plain.output
    assert merged(stack, green["run"]["run_id"]) == plain.statuses
    ours, theirs = stack.warehouse.checksums(stack.warehouse.dbname), stack.warehouse.checksums("plain")
    assert len(ours) > 40
    assert ours == theirs


def test_two_runners_shared_it_and_each_node_ran_once(stack: Stack, green: dict[str, Any]) -> None:
    runners = {node["runner"] for node in green["nodes"] if node["status"] in ("success", "pass", "warn")}
    assert runners == {1, 2}
    records = stack.client("dynamodb").query(
        TableName=stack.local.outputs["TableName"],
        KeyConditionExpression="pk = :run AND begins_with(sk, :node)",
        ExpressionAttributeValues={
            ":run": {"S": f"run#{green['run']['run_id']:012d}"},
            ":node": {"S": "step#01#node#"},
        },
    )["Items"]
    claimed = {item["unique_id"]["S"]: int(item["claims"]["N"]) for item in records if "epoch" in item}
    assert len(claimed) > 100
    assert set(claimed.values()) == {1}


def test_hooks_ran_once_and_saw_every_result(stack: Stack, green: dict[str, Any]) -> None:
    rows = stack.warehouse.query(
        stack.warehouse.dbname,
        "select event, count(*), max(nodes) from analytics_audit.invocations group by event order by event",
    )
    [(end, ends, nodes), (start, starts, _)] = rows
    assert (end, ends, start, starts) == ("end", 1, "start", 1)
    plain = {node for node in merged(stack, green["run"]["run_id"]) if not node.startswith("operation.")}
    assert nodes == len(plain)


def test_the_run_left_its_artifacts_and_its_log(stack: Stack, green: dict[str, Any]) -> None:
    run_id = green["run"]["run_id"]
    manifest = json.loads(stack.artifact(run_id, "manifest.json"))
    assert manifest["nodes"]["model.shop.fct_orders"]["compiled_code"]
    assert json.loads(stack.artifact(run_id, "plan.json"))["nodes"]
    assert "fct_orders" in stack.headgate("logs", str(run_id))
    of_one = stack.json("logs", str(run_id), "fct_orders")["lines"]
    assert {line["node"] for line in of_one} == {"model.shop.fct_orders"}


def test_no_secret_is_in_anything_the_run_left(stack: Stack, green: dict[str, Any]) -> None:
    bucket = stack.local.outputs["BucketName"]
    client = stack.client("s3")
    keys = [item["Key"] for item in client.list_objects_v2(Bucket=bucket, Prefix="runs/")["Contents"]]
    assert keys
    for key in keys:
        assert (
            stack.local.warehouse.password.encode()
            not in client.get_object(Bucket=bucket, Key=key)["Body"].read()
        ), key


def test_each_command_of_a_job_is_a_step_and_a_failed_one_stops_the_later_ones(
    stack: Stack, green: dict[str, Any]
) -> None:
    """Commands of both engines in one run; the last but one calls what nobody wrote."""
    steps = {
        "dbt deps": "",
        "dbt source freshness --select source:storefront": "sources.json",
        "dbt run --select stg_storefront__orders": "run_results.json",
        "dbt compile --select stg_storefront__orders": "run_results.json",
        "dbt docs generate --select stg_storefront__orders": "catalog.json",
        "dbt run-operation nobody_wrote_this": "",
        "dbt seed": "run_results.json",
    }
    jobs_file = stack.shop / "headgate.yml"
    whole = jobs_file.read_text()
    commands = "".join(f"      - {command}\n" for command in steps)
    job = f"  many:\n    environment: production\n    run:\n{commands}\nalerts:"
    try:
        jobs_file.write_text(whole.replace("alerts:", job))
        stack.headgate("jobs", "apply", "--file", str(jobs_file))
        run = stack.finished(int(stack.json("run", "many", "--no-watch")["run"]["run_id"]), 240)
    finally:
        jobs_file.write_text(whole)
        stack.headgate("jobs", "apply", "--file", str(jobs_file))

    run_id = run["run"]["run_id"]
    assert run["run"]["status"] == "error"
    assert "nobody_wrote_this" in run["run"]["error"]
    left = stack.client("s3").list_objects_v2(
        Bucket=stack.local.outputs["BucketName"], Prefix=f"runs/{run_id}/steps/"
    )["Contents"]
    assert {item["Key"].split("/")[3] for item in left} == {f"{step:02d}" for step in range(1, 7)}
    for step, (command, artifact) in enumerate(steps.items(), 1):
        if artifact and step < len(steps):
            document = json.loads(stack.artifact(run_id, artifact, step))
            assert document["metadata"]["invocation_id"], command
    built = json.loads(stack.artifact(run_id, "run_results.json", 3))
    compiled = json.loads(stack.artifact(run_id, "run_results.json", 4))
    assert (built["args"]["which"], compiled["args"]["which"]) == ("run", "compile")


def test_a_duplicate_and_an_unmapped_connector_start_nothing(stack: Stack, green: dict[str, Any]) -> None:
    before = stack.runs().keys()
    unmapped = stack.sync_ended("github")
    assert [stack.post(unmapped).json()["status"] for _ in range(2)] == ["accepted", "duplicate"]
    wait_for(lambda: stack.json("events", "list")["events"][0]["outcome"] == "unmapped", 15)
    assert stack.runs().keys() == before


def test_what_is_not_a_webhook_is_refused(stack: Stack) -> None:
    body = stack.sync_ended("storefront")
    before = stack.runs().keys()
    assert stack.post(body, "0" * 64).status_code == 401
    assert stack.post(body, path="/webhooks/fivetran/nobody").status_code == 401
    # As for a wrong signature: nobody learns which addresses there are.
    assert stack.post(body, path="/webhooks/unknown/default").status_code == 401
    assert stack.post(body, path="/nothing/here").status_code == 404
    assert stack.post(b" " * 1_000_000).status_code == 413
    assert stack.post(b"{").status_code == 400
    assert stack.post(stack.sync_ended("_connector_1", event="test_event")).json()["status"] == "test"
    assert (
        stack.post(stack.sync_ended("storefront", data={"status": "FAILURE"})).json()["status"] == "ignored"
    )
    assert stack.runs().keys() == before


def test_a_broken_model_fails_skips_and_tells_as_dbt_would(
    stack: Stack, green: dict[str, Any], run_dbt: RunDbt
) -> None:
    file = stack.shop / BROKEN_FILE
    file.write_text(file.read_text().replace(GOOD, BAD))
    try:
        stack.publish()
        run = stack.finished(stack.run_after(stack.sync_ended("stripe")))
        arguments = ("build", "--target", "prod", "--select", "tag:finance+")
        plain = run_dbt(stack.shop, stack.warehouse.database("plain_broken"), "build", "--target", "prod")
        plain = run_dbt(stack.shop, _variables(stack, "plain_broken"), *arguments)
    finally:
        file.write_text(file.read_text().replace(BAD, GOOD))
        stack.publish()
    assert run["run"]["status"] == "error"
    assert 'column "amount_euro" does not exist' in run["run"]["error"]
    statuses = merged(stack, run["run"]["run_id"])
    assert statuses[BROKEN_NODE] == "error"
    # The job reuses: what neither the edit nor the sync has reached comes out as it was.
    reused = {node for node, status in statuses.items() if status == "reused"}
    assert {plain.statuses[node] for node in reused} <= {"success", "pass"}
    # Unit tests belong to their model's turn, so those of a reused one have none.
    models = {node.split(".")[2] for node in reused if node.startswith("model.")}
    reused |= {
        node for node in plain.statuses if node.startswith("unit_test.") and node.split(".")[2] in models
    }
    built = {node: status for node, status in statuses.items() if node not in reused}
    rest = {node: status for node, status in plain.statuses.items() if node not in reused}
    assert hookless(built) == hookless(rest)
    message = stack.receiver.wait_for(BROKEN_NODE, 30)
    assert message is not None
    text = json.dumps(message)
    for fact in (
        f"/runs/{run['run']['run_id']}",
        "finance-data@example.com",
        "amount_euro",
        str(BROKEN_FILE),
    ):
        assert fact in text, fact


def _variables(stack: Stack, dbname: str) -> dict[str, str]:
    server = stack.warehouse
    return {
        "SHOP_PG_HOST": server.host,
        "SHOP_PG_PORT": str(server.port),
        "SHOP_PG_USER": server.user,
        "DBT_ENV_SECRET_SHOP_PG_PASSWORD": server.password,
        "SHOP_PG_DATABASE": dbname,
    }


@pytest.fixture(scope="module")
def page(stack: Stack, green: dict[str, Any]) -> Path:
    """A folder with the shop's jobs file and that of docs/triggers.md, both applied."""
    folder = stack.root / ".headgate" / "page"
    folder.mkdir()
    shutil.copy(stack.shop / "headgate.yml", folder)
    (folder / "triggers.yml").write_text(one_file(TRIGGERS))
    if shutil.which("curl") is None:
        (folder / "curl").write_text(f"#!{sys.executable}\n{CURL}")
        (folder / "curl").chmod(0o755)
    files = [f"--file={folder / name}" for name in ("headgate.yml", "triggers.yml")]
    stack.headgate("jobs", "apply", "--yes", *files)
    return folder


# For a machine that has none: the options that the page uses.
CURL = """
import argparse, sys, urllib.request
options = argparse.ArgumentParser()
options.add_argument("-fsS", action="store_true")
options.add_argument("-X"); options.add_argument("-d", "--data-binary", default="")
options.add_argument("url")
options.add_argument("-H", action="append", default=[])
given = options.parse_args()
headers = dict(line.split(": ", 1) for line in given.H)
request = urllib.request.Request(given.url, given.d.encode(), headers, method=given.X)
sys.stdout.write(urllib.request.urlopen(request, timeout=40).read().decode())
"""


@pytest.mark.parametrize("example", TRIGGERS, ids=lambda example: example.title)
def test_the_page_on_triggers_is_true(stack: Stack, page: Path, example: Example) -> None:
    tools = f"{Path(sys.executable).parent}:{page}"
    environment = stack.environment | {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "URL": stack.local.url,
        "TOKEN": stack.local.api_token,
        "SECRET": stack.local.fivetran_secret,
    }
    shell = ["sh", "-e", "-c", example.shell]
    ended = subprocess.run(
        shell, cwd=page, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    # `jobs plan` says by 3 that something would change; here it must not.
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    for job, entry in example.yaml["jobs"].items():
        # A schedule of every minute: up to one minute, and some for the start.
        wait_for(lambda job=job: stack.runs(job), 90)
        # A newer one may have taken the place of the first.
        *_, last = stack.runs(job)
        wait_for(lambda last=last: stack.asked(f"runs/{last}")["run"]["status"] in FINAL, 60)
        run = stack.asked(f"runs/{last}")["run"]
        assert run["status"] == "success", run
        assert run["cause"]["kind"] == kind_of(entry.get("when") or {}, job), run


def kind_of(when: dict[str, Any], job: str) -> str:
    """The word for what starts this job, as a run's cause has it."""
    if "gate" in when:
        return "gate"
    if not when:
        return "api" if job == "on_request" else "cli"
    [(kind, said)] = when.items()
    return "gate" if "wait_for" in said else {"after": "job"}.get(kind, kind)
