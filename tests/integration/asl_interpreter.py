"""Runs statemachine/run.asl.yaml in moto's interpreter, with functions and containers that a test decides on.

The interpreter is moto's (it comes from LocalStack's) and so are Choice, Map, Retry, Catch, Output and the errors'
matching. Three places are replaced, because moto 5.2 has nothing there:

* JSONata expressions: moto leaves the evaluator empty; here it is the package jsonata-python;
* Lambda without Docker: moto pops replies from one queue and cannot fail; here each function has its own replies,
  and a reply that is an exception comes back as Lambda reports one (FunctionError, errorType = class name);
* ecs:runTask.sync: moto drops CapacityProviderStrategy, never runs anything and takes any exit code for success;
  here the arguments go to the test, and an end other than with 0 fails the state with the container's description
  in JSON, as AWS documents it.

Wait states are noted and not waited for.
"""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import boto3
import pytest
import yaml
from jsonata.jsonata import Jsonata
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_ecs import (
    StateTaskServiceEcs,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata

DEFINITION = Path(__file__).resolve().parents[2] / "statemachine" / "run.asl.yaml"
REGION = "us-east-1"
ACCOUNT = "123456789012"
SUBSTITUTIONS = {
    "Partition": "aws",
    "PlanRunFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:plan-run",
    "FinalizeRunFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:finalize-run",
    "ClusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/headgate",
    "TaskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/headgate-runner:7",
    "SubnetIds": "subnet-1,subnet-2",
    "SecurityGroupIds": "sg-1",
    "AssignPublicIp": "DISABLED",
    "RunnerRetrySeconds": "10",
    "RunnerTimeoutSeconds": "60",
    "RunTimeoutSeconds": "300",
}
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


def substituted(text: str, substitutions: Mapping[str, str]) -> Any:
    """The definition as CloudFormation makes it: names are replaced in the text, and then it is parsed."""
    return yaml.safe_load(re.sub(r"\$\{(\w+)\}", lambda match: substitutions[match[1]], text))


@dataclass(frozen=True)
class Ended:
    """How a container ended, in ECS' words. code: None when it never ran."""

    code: int | None
    stop_code: str = "EssentialContainerExited"
    stopped: str = "Essential container in task exited"
    reason: str | None = None

    @property
    def well(self) -> bool:
        return self.code == 0 and self.stop_code == "EssentialContainerExited"

    @property
    def description(self) -> str:
        """The cause that Step Functions gives to Catch."""
        container = {
            "ContainerArn": "arn",
            "ExitCode": self.code,
            "LastStatus": "STOPPED",
            "Reason": self.reason,
        }
        task = {
            "Containers": [{name: value for name, value in container.items() if value is not None}],
            "LastStatus": "STOPPED",
            "StopCode": self.stop_code,
            "StoppedReason": self.stopped,
        }
        return json.dumps(task, separators=(",", ":"))


@dataclass
class World:
    """What the machine met: replies of functions in order, a container's end; what was asked of both; its waits.

    A function's last reply repeats. `container` gets the arguments of one RunTask and the number of its earlier
    attempts for that runner; it returns how the container ended, or raises LaunchError as AWS refuses a start.
    """

    replies: dict[str, list[Any]] = field(default_factory=dict)
    container: Callable[[dict[str, Any], int], Ended] = lambda _arguments, _attempt: Ended(0)
    payloads: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    launches: list[dict[str, Any]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def reply(self, function: str, payload: Any) -> Any:
        with self._lock:
            self.payloads[function].append(payload)
            queue = self.replies[function]
            return queue.pop(0) if len(queue) > 1 else queue[0]

    def launch(self, arguments: dict[str, Any]) -> Ended:
        with self._lock:
            attempt = sum(runner_of(other) == runner_of(arguments) for other in self.launches)
            self.launches.append(arguments)
        return self.container(arguments, attempt)


class LaunchError(Exception):
    """RunTask refuses: the error's name in Step Functions, and its cause."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(name)
        self.name, self.cause = name, cause


def environment_of(arguments: Mapping[str, Any]) -> dict[str, str]:
    """The variables that a container would get from one RunTask."""
    (override,) = arguments["Overrides"]["ContainerOverrides"]
    return {variable["Name"]: variable["Value"] for variable in override["Environment"]}


def runner_of(arguments: Mapping[str, Any]) -> str:
    return environment_of(arguments)["HEADGATE_RUNNER"]


@dataclass(frozen=True)
class Execution:
    """How an execution ended: its status, its output, its error, the states entered in order, and every event."""

    status: str
    output: Any
    error: str | None
    states: Sequence[str]
    history: Sequence[Mapping[str, Any]]


@contextmanager
def interpreter(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], Execution]]:
    """A function that runs the machine to its end with an input."""
    _replace(world, monkeypatch)
    config: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    with mock_aws(config=config):
        client = boto3.client("stepfunctions", region_name=REGION)
        definition = substituted(DEFINITION.read_text(), SUBSTITUTIONS)
        machine = client.create_state_machine(
            name="headgate-run",
            definition=json.dumps(definition),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine",
        )
        yield lambda machine_input: _run(client, machine["stateMachineArn"], machine_input)


def _run(client: Any, machine_arn: str, machine_input: Any) -> Execution:
    arn = client.start_execution(
        stateMachineArn=machine_arn, name=f"run-{machine_input['run_id']}", input=json.dumps(machine_input)
    )["executionArn"]
    until = time.monotonic() + 60
    while (described := client.describe_execution(executionArn=arn))["status"] not in ENDED:
        assert time.monotonic() < until, "the execution did not end"
        time.sleep(0.05)
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
    history = [event for page in pages for event in page["events"]]
    entered = [
        event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event
    ]
    output = json.loads(described["output"]) if described.get("output") else None
    return Execution(described["status"], output, described.get("error"), entered, history)


def _replace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def invoke(
        _backend: Any,
        function: str,
        _qualifier: str | None,
        body: bytes,
        _headers: Any,
        response_headers: Any,
    ) -> bytes:
        reply = world.reply(function.rpartition(":")[2], json.loads(body))
        if isinstance(reply, Exception):
            response_headers["x-amz-function-error"] = "Unhandled"
            reply = {"errorType": type(reply).__name__, "errorMessage": str(reply)}
        return json.dumps(reply).encode()

    def run_task(self: Any, env: Any, normalised_parameters: dict[str, Any], **_: Any) -> None:
        try:
            ended = world.launch(normalised_parameters)
        except LaunchError as refusal:
            raise _failure(self, env, refusal.name, refusal.cause) from refusal
        if not ended.well:
            raise _failure(self, env, "States.TaskFailed", ended.description)
        env.stack.append({"Tasks": [{"LastStatus": "STOPPED"}]})

    def wait(_self: Any, env: Any, wait_seconds: float) -> None:
        assert env.is_running()
        world.waits.append(wait_seconds)

    monkeypatch.setattr(
        moto_jsonata, "_eval_jsonata", lambda expression: Jsonata.jsonata(expression).evaluate(None)
    )
    monkeypatch.setattr(LambdaSimpleBackend, "invoke", invoke)
    monkeypatch.setattr(WaitFunction, "_wait_interval", wait)
    monkeypatch.setattr(StateTaskServiceEcs, "_get_supported_parameters", lambda _self: None)
    monkeypatch.setattr(StateTaskServiceEcs, "_validate_service_integration_is_supported", lambda _self: None)
    monkeypatch.setattr(StateTaskServiceEcs, "_eval_service_task", run_task)
    monkeypatch.setattr(
        StateTaskServiceEcs,
        "_build_sync_resolver",
        lambda _self, env, **_: lambda: env.stack.pop()["Tasks"][0],
    )


def _failure(state: Any, env: Any, error: str, cause: str) -> FailureEventException:
    details = TaskFailedEventDetails(error=error, cause=cause, resource="runTask.sync", resourceType="ecs")
    known = {kind.to_name(): kind for kind in StatesErrorNameType}
    name = StatesErrorName(known[error]) if error in known else CustomErrorName(error)
    return FailureEventException(
        FailureEvent(env, name, HistoryEventType.TaskFailed, EventDetails(taskFailedEventDetails=details))
    )
