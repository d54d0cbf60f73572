"""The Lambda handlers on moto's services: recorded events in, records and messages out."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.dispatch_runs.app import handler as dispatch_runs
from functions.finalize_run.app import handler as finalize_run
from functions.match_triggers.app import handler as match_triggers
from functions.plan_run.app import handler as plan_run
from functions.reap_runs.app import handler as reap_runs
from functions.receive_webhook.app import handler as receive_webhook
from functions.route_alerts.app import handler as route_alerts
from headgate import bootstrap
from headgate.adapters.webhooks.fivetran import sign
from headgate.domain.alerts import Alert
from headgate.domain.gate import Awaited, Gate
from headgate.domain.index import Index, Node
from headgate.domain.job import AlertRule, Environment, Job, JobsFile
from headgate.domain.run import Cause, RunStatus
from headgate.errors import NotFoundError
from tests.builders import fivetran_gate
from tests.template.cloudformation import table_definition

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "tests" / "events"
REGION = "eu-central-1"
DIGEST = "d" * 64
CONTEXT = SimpleNamespace(
    function_name="test",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-central-1:000000000000:function:test",
    aws_request_id="request",
    get_remaining_time_in_millis=lambda: 30_000,
)
JOBS = JobsFile(
    environments=(Environment("production", "prod", "analytics"),),
    jobs=(Job("finance", "production", ("dbt build",), gates=(fivetran_gate("stripe"),)),),
    alerts=(AlertRule({"severity": "error"}, (("slack", "#finance-data"),)),),
)
INDEX = Index(
    nodes={
        "model.shop.a": Node(
            unique_id="model.shop.a",
            name="a",
            resource_type="model",
            package_name="shop",
            fqn=("shop", "a"),
            original_file_path="models/a.sql",
            materialized="table",
        )
    }
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[bootstrap.World]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "HEADGATE_TABLE": "headgate",
        "HEADGATE_BUCKET": "headgate",
        "HEADGATE_BUS": "headgate",
        "HEADGATE_SECRETS_PREFIX": "headgate",
        "HEADGATE_CONSOLE_URL": "https://headgate.example.com/",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        _make_services(monkeypatch)
        bootstrap.world.cache_clear()
        world = bootstrap.world()
        world.jobs.apply(JOBS)
        world.jobs.point_at("production", DIGEST)
        yield world
    bootstrap.world.cache_clear()


def _make_services(monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("dynamodb").create_table(TableName="headgate", **table_definition())
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="headgate", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(
        Bucket="headgate", Key=f"bundles/{DIGEST}/44136fa355b3678a/index.msgpack", Body=INDEX.encode()
    )
    boto3.client("events").create_event_bus(Name="headgate")
    topic = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
    monkeypatch.setenv("HEADGATE_ALERT_TOPIC_ARN", topic)
    machine = boto3.client("stepfunctions").create_state_machine(
        name="headgate-run",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::000000000000:role/r",
    )
    monkeypatch.setenv("HEADGATE_STATE_MACHINE_ARN", machine["stateMachineArn"])
    cluster = boto3.client("ecs").create_cluster(clusterName="headgate")
    monkeypatch.setenv("HEADGATE_CLUSTER_ARN", cluster["cluster"]["clusterArn"])
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name="headgate/webhooks/fivetran/default", SecretString='{"secret": "s3cret"}')


def request(signed: bytes, *, encoded: bool = False, **changes: Any) -> dict[str, Any]:
    event = json.loads((EVENTS / "http_webhook.json").read_text())
    event["headers"]["x-fivetran-signature-256"] = sign(signed, "s3cret")
    event["isBase64Encoded"] = encoded
    event["body"] = base64.b64encode(signed).decode() if encoded else signed.decode()
    return {**event, **changes}


def sync_end(sync_id: str = "1") -> bytes:
    created = datetime.now(UTC).isoformat()
    body = {"event": "sync_end", "created": created, "connector_id": "stripe", "sync_id": sync_id}
    return json.dumps({**body, "data": {"status": "SUCCESSFUL"}}).encode()


@pytest.mark.parametrize("encoded", [False, True])
def test_a_signed_webhook_is_stored_before_it_is_answered(world: bootstrap.World, encoded: bool) -> None:
    answer = receive_webhook(request(sync_end(), encoded=encoded), CONTEXT)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["status"] == "accepted"
    assert world.events.recent()[0]["outcome"] == "published"
    again = receive_webhook(request(sync_end(), encoded=encoded), CONTEXT)
    assert json.loads(again["body"])["status"] == "duplicate"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (request(sync_end(), headers={}), 401),
        (request(sync_end(), headers={"X-Fivetran-Signature-256": "0" * 64}), 401),
        (request(sync_end(), pathParameters={"provider": "fivetran", "source": "nobody"}), 401),
        (request(sync_end(), pathParameters={"provider": "fivetran", "source": "../api-token"}), 401),
        (request(b""), 400),
        (request(b"", body=None), 400),
        (request(b"not json"), 400),
        (request(b"\xff\xfe", encoded=True), 400),
        (request(b"{" + b" " * 1_000_000 + b"}"), 413),
        (request(b'{"a":' * 50_000), 400),
    ],
    ids=[
        "no signature",
        "wrong",
        "unknown source",
        "hostile source",
        "empty",
        "none",
        "text",
        "bytes",
        "1 MB",
        "deep",
    ],
)
def test_bad_requests_are_answered_and_leave_nothing(
    world: bootstrap.World, event: dict[str, Any], status: int
) -> None:
    answer = receive_webhook(event, CONTEXT)
    assert answer["statusCode"] == status
    assert json.loads(answer["body"]).keys() == {"error"}
    assert world.events.recent() == []


def test_what_the_bus_did_first_is_not_overwritten(world: bootstrap.World) -> None:
    world.events.record("e", {})
    world.events.mark("e", "unmapped")
    world.events.mark("e", "published")
    assert world.events.recent()[0]["outcome"] == "unmapped"
    with pytest.raises(NotFoundError):
        world.events.mark("unknown", "published")


def test_from_the_bus_to_a_planned_step(world: bootstrap.World) -> None:
    receive_webhook(request(sync_end()), CONTEXT)
    event_id = world.events.recent()[0]["event_id"]
    detail = {"event_id": event_id, "provider": "fivetran", "origin": "default", "connector_id": "stripe"}
    synced = {"detail-type": "ConnectorSynced", "detail": {**detail, "sync_id": "1"}}
    assert match_triggers(synced, CONTEXT) == {"runs": [1]}
    assert match_triggers(synced, CONTEXT) == {"runs": [1]}
    queued = {"detail-type": "RunQueued", "detail": {"run_id": 1, "job": "finance"}}
    assert dispatch_runs(queued, CONTEXT) == {"started": [1]}
    assert dispatch_runs(queued, CONTEXT) == {"started": []}
    planned = plan_run({"run_id": 1, "step": 1}, CONTEXT)
    assert (planned["build"], planned["runners"], planned["cpu"]) == (True, [1], "1024")
    assert world.plans.get_plan(1, 1).nodes[0].unique_id == "model.shop.a"


def test_from_two_connectors_an_object_and_a_run_to_one_run(world: bootstrap.World) -> None:
    awaits = (
        Awaited("fivetran", "stripe"),
        Awaited("s3", "landing", {"key": ("erp/*/_SUCCESS",)}),
        Awaited("job", "finance", {"status": ("error",)}),
    )
    both = Job("both", "production", ("dbt build",), gates=(Gate("gate", awaits, needed=3, else_at="07:00"),))
    world.jobs.apply(JobsFile((), (both,), (), origin="other.yml"))
    every_minute = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    assert match_triggers(every_minute, CONTEXT) == {"runs": []}
    receive_webhook(request(sync_end()), CONTEXT)
    synced = world.events.recent()[0]["detail"]["event"]
    assert match_triggers(synced, CONTEXT) == {"runs": [1]}
    detail = {"bucket": {"name": "landing"}, "object": {"key": "erp/7/_SUCCESS", "size": 1, "sequencer": "1"}}
    created = {"source": "aws.s3", "detail-type": "Object Created", "id": "1", "detail": detail}
    assert match_triggers(created, CONTEXT) == {"runs": []}
    world.runs.move(1, RunStatus.ERROR)
    finished = {"run_id": 1, "job": "finance", "environment": "production", "status": "error"}
    for _ in range(2):
        end = match_triggers({"detail-type": "RunFinished", "detail": finished}, CONTEXT)
    run = world.runs.get_run(2)
    assert (end, run.job, run.cause.key) == ({"runs": []}, "both", "gate/gate/1")
    assert [cause.kind for cause in run.also] == ["fivetran", "s3", "job"]
    assert match_triggers(every_minute, CONTEXT) == {"runs": []}
    [note] = world.events.get("run/1")["notes"]
    assert (note["job"], note["run_id"]) == ("both", 2)


def test_a_stopped_execution_cancels_its_run(world: bootstrap.World) -> None:
    world.runs.create_run(JOBS.jobs[0], DIGEST, Cause("cli", "k"))
    event = json.loads((EVENTS / "execution_status_change.json").read_text())
    assert finalize_run(event, CONTEXT)["status"] == "cancelled"
    assert world.runs.get_run(1).status is RunStatus.CANCELLED


def test_an_execution_that_failed_ends_its_run_with_the_reason(world: bootstrap.World) -> None:
    world.runs.create_run(JOBS.jobs[0], DIGEST, Cause("cli", "k"))
    event = json.loads((EVENTS / "execution_status_change.json").read_text())
    event["detail"] |= {"status": "FAILED", "error": "States.Runtime", "cause": "no such state"}
    assert finalize_run(event, CONTEXT)["status"] == "error"
    assert "States.Runtime: no such state" in (world.runs.get_run(1).error or "")


def test_a_stopped_execution_says_why_in_the_words_of_whoever_stopped_it(world: bootstrap.World) -> None:
    world.runs.create_run(JOBS.jobs[0], DIGEST, Cause("cli", "k"))
    event = json.loads((EVENTS / "execution_status_change.json").read_text())
    event["detail"] |= {"error": None, "cause": "the table is locked"}
    finalize_run(event, CONTEXT)
    assert world.runs.get_run(1).error == "cancelled in AWS (the table is locked): nothing had begun"


def test_a_run_that_nobody_heard_of_starts_within_the_minute_and_ends_with_its_execution(
    world: bootstrap.World,
) -> None:
    world.runs.create_run(JOBS.jobs[0], DIGEST, Cause("cli", "k"))
    assert reap_runs({}, CONTEXT) == {"started": [1]}
    world.machine.stop(world.runs.get_run(1), "too slow")
    assert reap_runs({}, CONTEXT) == {"ended": [1]}
    assert reap_runs({}, CONTEXT) == {}


def test_executions_of_others_are_left_alone(world: bootstrap.World) -> None:
    event = json.loads((EVENTS / "execution_status_change.json").read_text())
    event["detail"]["name"] = "somebody-elses"
    assert finalize_run(event, CONTEXT) == {}


def test_a_caught_error_names_itself(world: bootstrap.World) -> None:
    world.runs.create_run(JOBS.jobs[0], DIGEST, Cause("cli", "k"))
    cause = json.dumps({"errorType": "PlanError", "errorMessage": "nothing is published", "stackTrace": []})
    finalize_run({"run_id": 1, "step": 1, "error": {"Error": "PlanError", "Cause": cause}}, CONTEXT)
    assert world.runs.get_run(1).error == "PlanError: nothing is published"


class Channel:
    def __init__(self) -> None:
        self.sent: list[Alert] = []
        self.fails = False

    def send(self, alert: Alert, address: str) -> None:
        if self.fails:
            raise RuntimeError("down")
        self.sent.append(alert)


def delivery(alert: Alert, message_id: str = "m1") -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": "r",
        "body": json.dumps(alert.to_message()),
        "attributes": {},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:alerts",
        "awsRegion": REGION,
    }


ALERT = Alert(1, "finance", "production", "model.shop.a", "error", "error", "boom", "https://x/runs/1")


def test_an_alert_that_is_delivered_twice_is_sent_once(
    world: bootstrap.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Channel()
    monkeypatch.setattr(bootstrap.World, "notifier", lambda *_: channel)
    for message_id in ("m1", "m2"):
        assert route_alerts({"Records": [delivery(ALERT, message_id)]}, CONTEXT) == {"batchItemFailures": []}
    assert channel.sent == [ALERT]


def test_a_channel_that_is_down_is_tried_again_and_one_poison_message_holds_up_nobody(
    world: bootstrap.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Channel()
    monkeypatch.setattr(bootstrap.World, "notifier", lambda *_: channel)
    poison = {**delivery(ALERT, "poison"), "body": "not json"}
    answer = route_alerts({"Records": [poison, delivery(ALERT, "good")]}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "poison"}]}
    channel.fails = True
    other = Alert.from_message({**ALERT.to_message(), "run_id": 2})
    records = {"Records": [delivery(other, "busy"), delivery(ALERT, "again")]}
    assert route_alerts(records, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "busy"}]}
    channel.fails = False
    route_alerts(records, CONTEXT)
    assert [alert.run_id for alert in channel.sent] == [1, 2]
