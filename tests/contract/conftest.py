"""The same tests against both sides of every port: the twin in memory, and the AWS adapter on moto.

The table is made from template.yaml, so that adapters and template cannot drift apart.
"""

import json
from collections.abc import Iterator
from functools import cache
from threading import Lock
from typing import Any, Protocol

import boto3
import pytest
from moto import mock_aws
from moto.core import botocore_stubber

from headgate.adapters.memory import MemoryClock, MemoryWorld
from headgate.bootstrap import World
from headgate.settings import Settings
from tests.template.cloudformation import table_definition

REGION = "eu-central-1"
ACCOUNT = "123456789012"


class Stage(Protocol):
    """A world, and what a test sees of it from outside."""

    world: Any
    clock: MemoryClock

    def set_secret(self, name: str, values: dict[str, str]) -> None: ...

    def published(self) -> list[tuple[str, dict[str, Any]]]:
        """(detail type, detail) of every event so far."""
        ...

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert's message so far."""
        ...

    def executions(self) -> dict[str, str]:
        """Execution name -> `RUNNING`, `ABORTED`…"""
        ...


class MemoryStage:
    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.clock = self.world.clock

    def set_secret(self, name: str, values: dict[str, str]) -> None:
        self.world.secrets.values[name] = values

    def published(self) -> list[tuple[str, dict[str, Any]]]:
        return [(event.detail_type(), event.model_dump()) for event in self.world.bus.published]

    def alerts(self) -> list[dict[str, Any]]:
        return [json.loads(json.dumps(alert.to_message())) for alert in self.world.alerts.published]

    def executions(self) -> dict[str, str]:
        machine = self.world.machine
        return {
            arn.rsplit(":", 1)[-1]: "ABORTED" if arn in machine.stopped else "RUNNING"
            for arn in machine.started
        }


class MotoStage:
    def __init__(self) -> None:
        self.clock = MemoryClock()
        self.queues = {name: _queue(name) for name in ("bus", "alerts")}
        self.world: Any = World(Settings({f"HEADGATE_{name}": value for name, value in _deployed().items()}))
        self.world.clock = self.clock
        self._attach(self.world.settings)

    def _attach(self, settings: Settings) -> None:
        events, sns = client("events"), client("sns")
        events.put_rule(Name="all", EventBusName=settings.bus, EventPattern='{"source": ["headgate"]}')
        target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:bus"}
        events.put_targets(Rule="all", EventBusName=settings.bus, Targets=[target])
        sns.subscribe(
            TopicArn=settings.alert_topic_arn,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:alerts",
            Attributes={"RawMessageDelivery": "true"},
        )

    def set_secret(self, name: str, values: dict[str, str]) -> None:
        self.set_secret_text(name, json.dumps(values))

    def set_secret_text(self, name: str, text: str) -> None:
        secrets, full_name = client("secretsmanager"), f"stack/{name}"
        try:
            secrets.create_secret(Name=full_name, SecretString=text)
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=full_name, SecretString=text)

    def published(self) -> list[tuple[str, dict[str, Any]]]:
        return [(message["detail-type"], message["detail"]) for message in self._received("bus")]

    def alerts(self) -> list[dict[str, Any]]:
        return self._received("alerts")

    def _received(self, queue: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := (
            client("sqs").receive_message(QueueUrl=self.queues[queue], MaxNumberOfMessages=10).get("Messages")
        ):
            found += [json.loads(message["Body"]) for message in messages]
        return found

    def executions(self) -> dict[str, str]:
        found = client("stepfunctions").list_executions(stateMachineArn=self.world.settings.state_machine_arn)
        return {execution["name"]: execution["status"] for execution in found["executions"]}


def _queue(name: str) -> str:
    return str(client("sqs").create_queue(QueueName=name)["QueueUrl"])


def _deployed() -> dict[str, str]:
    client("dynamodb").create_table(TableName="headgate-table", **table_definition())
    client("s3").create_bucket(
        Bucket="headgate-bucket", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    client("events").create_event_bus(Name="headgate-bus")
    client("scheduler").create_schedule_group(Name="headgate-schedules")
    machine = client("stepfunctions").create_state_machine(
        name="runs",
        definition='{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 900, "End": true}}}',
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine",
    )
    return {
        "TABLE": "headgate-table",
        "BUCKET": "headgate-bucket",
        "BUS": "headgate-bus",
        "STATE_MACHINE_ARN": machine["stateMachineArn"],
        "ALERT_TOPIC_ARN": client("sns").create_topic(Name="alerts")["TopicArn"],
        "SECRETS_PREFIX": "stack",
        "SCHEDULE_GROUP": "headgate-schedules",
        "SCHEDULE_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/scheduler",
        "SCHEDULE_TARGET_ARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:match_triggers",
    }


@cache
def client(service: str) -> Any:
    """Making a client takes longer than most tests; moto answers whichever was made after its import."""
    return boto3.client(service)  # type: ignore[call-overload]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """moto, answering one request at a time: DynamoDB's single requests are atomic, moto's are not in threads."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    one_at_a_time, process = Lock(), botocore_stubber.BotocoreStubber.process_request

    def serial(self: Any, request: Any) -> Any:
        # moto's bus and topics call other services' backends directly, so no request waits for another.
        with one_at_a_time:
            return process(self, request)

    monkeypatch.setattr(botocore_stubber.BotocoreStubber, "process_request", serial)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": False}}):
        yield


@pytest.fixture
def moto(aws: None) -> MotoStage:
    return MotoStage()


@pytest.fixture(params=["memory", "aws"])
def stage(request: pytest.FixtureRequest) -> Stage:
    return MemoryStage() if request.param == "memory" else request.getfixturevalue("moto")


@pytest.fixture
def world(stage: Stage) -> Any:
    return stage.world
