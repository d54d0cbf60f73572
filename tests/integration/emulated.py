"""The emulator, running with a small stack of one of each, for the tests of its patches."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headgate_local.addresses import answers, any_free_port
from headgate_local.deploy import client, deploy
from headgate_local.environment import emulator_environment
from headgate_local.places import Places
from headgate_local.processes import ProcessIdentity

ROOT = Path(__file__).parents[2]
FIXTURE = Path(__file__).parent / "fixtures" / "local_stack"
CANARY = "HEADGATE_TEST_CANARY"
EMULATORS_CANARY = "HEADGATE_TEST_EMULATORS_CANARY"
TAKES_ITS_TIME = "import time; print('started', flush=True); time.sleep(60)"


def wait_for(found: Callable[[], Any], seconds: float = 15) -> Any:
    """What ``found`` returns as soon as that is something; a failed test when it stays nothing."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := found():
            return result
        time.sleep(0.05)
    pytest.fail(f"nothing came within {seconds} s")


@dataclass(frozen=True)
class Emulated:
    """The running emulator and the outputs of the fixture's stack."""

    places: Places
    endpoint: str
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        return client(service, self.endpoint)

    def invoke(self, **event: Any) -> tuple[str | None, Any]:
        answer = self.client("lambda").invoke(FunctionName=self.outputs["EchoArn"], Payload=json.dumps(event))
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    def machine(self, definition: dict[str, Any]) -> str:
        """A state machine of its own for a test; JSONata unless it says otherwise."""
        created = self.client("stepfunctions").create_state_machine(
            name=f"test-{time.time_ns()}",
            definition=json.dumps({"QueryLanguage": "JSONata"} | definition),
            roleArn=self.outputs["RoleArn"],
        )
        return str(created["stateMachineArn"])

    def start(self, machine: str, data: Any = None) -> str:
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(data or {})
        )
        return str(started["executionArn"])

    def ended(self, execution: str, seconds: float = 15) -> dict[str, Any]:
        states = self.client("stepfunctions")

        def look() -> Any:
            described = states.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        found: dict[str, Any] = wait_for(look, seconds)
        return found

    def run_runner(self, code: str, **state: Any) -> dict[str, Any]:
        """The ASL of a state that runs Python ``code`` in the fixture's container."""
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::ecs:runTask.sync",
            "Arguments": {
                "Cluster": self.outputs["ClusterArn"],
                "TaskDefinition": self.outputs["RunnerArn"],
                "LaunchType": "FARGATE",
                "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-local"]}},
                "Overrides": {"ContainerOverrides": [{"Name": "runner", "Command": [code]}]},
            },
            "End": True,
        } | state

    def runner_ids(self) -> set[ProcessIdentity]:
        return {
            ProcessIdentity.of(json.loads(file.read_text())["pid"])
            for file in self.places.runners.glob("*.pid")
        }

    def messages(self, url: str) -> list[Any]:
        queue = self.client("sqs")
        received = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in received:
            queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in received if message["Body"].startswith("{")]


@contextmanager
def emulation(project: Path) -> Iterator[Emulated]:
    """The emulator with the fixture's stack deployed, in an empty folder; it ends with the block."""
    shutil.copytree(FIXTURE, project, dirs_exist_ok=True)
    (project / ".venv").symlink_to(ROOT / ".venv")
    places = Places.of(project)
    places.make()
    port = any_free_port()
    environment = emulator_environment(places, port, {**os.environ, CANARY: "sings"})
    environment[EMULATORS_CANARY] = "sings"
    with places.log_of("emulator").open("wb") as log:
        process = subprocess.Popen(
            [places.emulator_python, "-m", "headgate_local.emulator"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(lambda: answers(port) or process.poll() is not None)
        assert process.poll() is None, places.log_of("emulator").read_text()
        endpoint = f"http://127.0.0.1:{port}"
        parameters = {
            "ConsoleUrl": "http://127.0.0.1:1",
            "RunnerImage": "none",
            "SubnetIds": "subnet-local",
            "Unknown": "is left out",
        }
        yield Emulated(places, endpoint, deploy(places, project / "template.yaml", endpoint, parameters))
    finally:
        process.terminate()
        process.wait(20)
