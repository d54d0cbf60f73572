"""Each patch of the emulator, seen from outside: the emulator runs once with a small stack of one of each."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
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


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    project = tmp_path_factory.mktemp("project")
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


# --- functions ---


def test_a_lambda_sees_its_own_environment_and_nothing_of_ours(emulated: Emulated) -> None:
    _, seen = emulated.invoke(action="environment")
    variables = seen["variables"]
    assert variables["TABLE"] == emulated.outputs["TableName"]
    assert variables["AWS_ENDPOINT_URL"] == emulated.endpoint
    assert variables["AWS_REGION"] == "us-east-1"
    assert not {
        CANARY,
        EMULATORS_CANARY,
        "PYTHONPATH",
        "GATEWAY_PORT",
        "STATE_DIR",
        "HEADGATE_LOCAL_STATE",
    } & set(variables)


def test_a_lambda_for_another_python_runs_on_ours_with_its_layer(emulated: Emulated) -> None:
    _, seen = emulated.invoke(action="environment")
    assert seen["python"] == str(emulated.places.emulator_python)
    assert seen["greeting"] == "from the layer"


def test_a_raising_lambda_names_its_class_and_stays_warm(emulated: Emulated) -> None:
    _, before = emulated.invoke(action="process")
    error, failure = emulated.invoke(action="raise")
    _, after = emulated.invoke(action="process")
    assert error == "Unhandled"
    assert failure["errorType"] == "UnknownSelectorError"
    assert failure["errorMessage"] == "no such node"
    assert before["pid"] == after["pid"]


def test_an_event_that_nobody_could_handle_waits_as_it_came(emulated: Emulated) -> None:
    event = {"action": "raise", "mark": str(time.time_ns())}
    emulated.client("lambda").invoke(
        FunctionName=emulated.outputs["EchoArn"], InvocationType="Event", Payload=json.dumps(event)
    )
    url = emulated.outputs["SeenQueueUrl"]
    assert wait_for(lambda: [m for m in emulated.messages(url) if m.get("action") == "raise"]) == [event]


def test_packages_are_unpacked_once(emulated: Emulated) -> None:
    emulated.invoke(action="process")
    unpacked = emulated.places.build / "unpacked"
    before = {folder.name for folder in unpacked.iterdir()}
    emulated.client("lambda").update_function_configuration(
        FunctionName=emulated.outputs["EchoArn"], Timeout=11
    )
    emulated.invoke(action="process")
    assert before == {folder.name for folder in unpacked.iterdir()}
    assert len(before) >= 2  # a function and the layer


def test_a_warm_lambda_answers_quickly(emulated: Emulated) -> None:
    took = []
    for _ in range(20):
        start = time.monotonic()
        emulated.invoke(action="process")
        took.append(time.monotonic() - start)
    assert min(took) < 0.045  # stock: 50 ms of waiting for a log line alone


# --- runners ---


def test_a_runner_gets_its_environment_and_secrets_and_nothing_of_ours(emulated: Emulated) -> None:
    code = "import os, json; print('SEEN ' + json.dumps(dict(os.environ)))"
    ended = emulated.ended(
        emulated.start(emulated.machine({"StartAt": "R", "States": {"R": emulated.run_runner(code)}}))
    )
    assert ended["status"] == "SUCCEEDED", (ended["error"], ended["cause"])
    task = json.loads(ended["output"])
    assert task["Containers"][0]["ExitCode"] == 0
    log = emulated.places.logs / "runners" / f"{task['TaskArn'].rsplit('/')[-1]}-runner.log"
    seen = json.loads(log.read_text().partition("SEEN ")[2])
    assert seen["FROM_DEFINITION"] == "yes"
    assert len(seen["RUNNER_SECRET"]) == 32
    assert seen["AWS_ENDPOINT_URL"] == emulated.endpoint
    assert seen["AWS_ACCESS_KEY_ID"] == "test"
    assert seen["PATH"].startswith(str(emulated.places.bin_folder))
    assert seen["ECS_CONTAINER_METADATA_URI_V4"].startswith("http://127.0.0.1:")
    assert not {
        CANARY,
        EMULATORS_CANARY,
        "PYTHONPATH",
        "GATEWAY_PORT",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    } & set(seen)
    group = emulated.outputs["RunnerLogsName"]
    logs = emulated.client("logs")
    assert wait_for(lambda: logs.filter_log_events(logGroupName=group, filterPattern="SEEN")["events"])


def test_the_deployed_yaml_machine_maps_runners_and_catches_each_failure(emulated: Emulated) -> None:
    programs = [
        {"code": "import os; raise SystemExit(0 if os.environ['INDEX'] == '0' else 9)"},
        {"code": "raise SystemExit(3)"},
        {"code": TAKES_ITS_TIME, "timeout": 1},
    ]
    ended = emulated.ended(emulated.start(emulated.outputs["MachineArn"], {"programs": programs}))
    assert ended["status"] == "SUCCEEDED", (ended["error"], ended["cause"])
    assert json.loads(ended["output"]) == {
        "greeting": "from the layer",
        "runners": [{"code": 0}, {"error": "States.TaskFailed"}, {"error": "timed out"}],
    }


def test_a_state_that_times_out_ends_its_process(emulated: Emulated) -> None:
    before = emulated.runner_ids()
    state = emulated.run_runner(TAKES_ITS_TIME, TimeoutSeconds="{% 1 + 1 %}")
    execution = emulated.start(emulated.machine({"StartAt": "R", "States": {"R": state}}))
    started = wait_for(lambda: emulated.runner_ids() - before)
    ended = emulated.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    wait_for(lambda: not any(runner.is_running for runner in started), 4)


def test_stop_execution_ends_the_process_and_stays_aborted(emulated: Emulated) -> None:
    before = emulated.runner_ids()
    state = emulated.run_runner(TAKES_ITS_TIME, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}])
    states = {"R": state, "Caught": {"Type": "Pass", "End": True}}
    execution = emulated.start(emulated.machine({"StartAt": "R", "States": states}))
    started = wait_for(lambda: emulated.runner_ids() - before)
    emulated.client("stepfunctions").stop_execution(executionArn=execution)
    wait_for(lambda: not any(runner.is_running for runner in started), 4)
    time.sleep(0.3)
    assert emulated.ended(execution)["status"] == "ABORTED"


def test_stop_task_waits_for_stop_timeout_then_kills_and_tells_the_exit_code(emulated: Emulated) -> None:
    ecs = emulated.client("ecs")

    def stopped(code: str) -> dict[str, Any]:
        override = {"name": "runner", "command": [code]}
        task = ecs.run_task(
            cluster=emulated.outputs["ClusterArn"],
            taskDefinition=emulated.outputs["RunnerArn"],
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-local"]}},
            overrides={"containerOverrides": [override]},
        )["tasks"][0]["taskArn"]
        log = emulated.places.logs / "runners" / f"{task.rsplit('/')[-1]}-runner.log"
        wait_for(lambda: log.exists() and "started" in log.read_text())
        ecs.stop_task(cluster=emulated.outputs["ClusterArn"], task=task, reason="by a test")

        def look() -> Any:
            described = ecs.describe_tasks(cluster=emulated.outputs["ClusterArn"], tasks=[task])["tasks"][0]
            return described if described["lastStatus"] == "STOPPED" else None

        found: dict[str, Any] = wait_for(look)
        return found

    orderly = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); " + TAKES_ITS_TIME
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + TAKES_ITS_TIME
    first = stopped(orderly)
    assert first["containers"][0]["exitCode"] == 7
    assert (first["stopCode"], first["stoppedReason"]) == ("UserInitiated", "by a test")
    start = time.monotonic()
    assert stopped(deaf)["containers"][0]["exitCode"] == 128 + 9
    assert time.monotonic() - start >= 2  # the definition's StopTimeout


def test_a_task_that_was_told_to_stop_says_so_until_it_ends(emulated: Emulated) -> None:
    ecs = emulated.client("ecs")
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + TAKES_ITS_TIME
    states = {"R": emulated.run_runner(deaf)}
    emulated.start(emulated.machine({"StartAt": "R", "States": states}))
    cluster = emulated.outputs["ClusterArn"]
    (arn,) = wait_for(lambda: ecs.list_tasks(cluster=cluster)["taskArns"])
    log = emulated.places.logs / "runners" / f"{arn.rsplit('/')[-1]}-runner.log"
    wait_for(lambda: log.exists() and "started" in log.read_text())
    (task,) = ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
    assert task["overrides"]["containerOverrides"][0]["name"] == "runner"
    assert abs(task["createdAt"].timestamp() - time.time()) < 30
    assert task["desiredStatus"] == "RUNNING"
    assert ecs.stop_task(cluster=cluster, task=arn)["task"]["desiredStatus"] == "STOPPED"
    (task,) = ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
    assert (task["desiredStatus"], task["lastStatus"]) == ("STOPPED", "RUNNING")
    wait_for(lambda: not ecs.list_tasks(cluster=cluster)["taskArns"])


def test_how_a_process_ended_is_told_to_catch_as_aws_writes_it(emulated: Emulated) -> None:
    before = emulated.runner_ids()
    catch = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Cause %}", "Next": "Caught"}]
    state = emulated.run_runner(TAKES_ITS_TIME, Catch=catch)
    states = {"R": state, "Caught": {"Type": "Pass", "End": True}}
    execution = emulated.start(emulated.machine({"StartAt": "R", "States": states}))
    (started,) = wait_for(lambda: emulated.runner_ids() - before)
    os.kill(started.pid, signal.SIGKILL)
    cause = json.loads(emulated.ended(execution)["output"])
    assert '"ExitCode":137' in cause
    assert '"StopCode":"EssentialContainerExited"' in cause
    assert json.loads(cause)["Containers"][0]["Name"] == "runner"


def test_states_and_ecs_tell_the_default_bus(emulated: Emulated) -> None:
    url = emulated.outputs["SeenQueueUrl"]
    state = emulated.run_runner("pass")
    emulated.ended(emulated.start(emulated.machine({"StartAt": "R", "States": {"R": state}})))
    seen: set[tuple[str, str]] = set()

    def both() -> bool:
        for event in emulated.messages(url):
            detail = event.get("detail", {})
            seen.add((event.get("source", ""), detail.get("status") or detail.get("lastStatus") or ""))
        return {("aws.states", "SUCCEEDED"), ("aws.ecs", "STOPPED")} <= seen

    wait_for(both)


# --- state machines ---


def test_the_first_failing_iteration_ends_a_map_and_its_siblings(emulated: Emulated) -> None:
    before = emulated.runner_ids()
    code = "{% $states.input = 0 ? 'raise SystemExit(1)' : " + json.dumps(TAKES_ITS_TIME) + " %}"
    processor = {"StartAt": "R", "States": {"R": emulated.run_runner(code)}}
    definition = {
        "StartAt": "M",
        "States": {"M": {"Type": "Map", "Items": [1, 0], "ItemProcessor": processor, "End": True}},
    }
    start = time.monotonic()
    execution = emulated.start(emulated.machine(definition))
    ended = emulated.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    assert time.monotonic() - start < 10
    wait_for(lambda: not any(runner.is_running for runner in emulated.runner_ids() - before), 4)


def test_parallel_understands_jsonata_and_keeps_its_branches_apart(emulated: Emulated) -> None:
    def branch(value: int) -> dict[str, Any]:
        states = {
            "Set": {"Type": "Pass", "Assign": {"mine": value}, "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": 0, "Next": "Get"},
            "Get": {"Type": "Pass", "Output": "{% [$mine, $states.input.given] %}", "End": True},
        }
        return {"StartAt": "Set", "States": states}

    state = {
        "Type": "Parallel",
        "Arguments": {"given": "{% $states.input.x * 2 %}"},
        "Branches": [branch(1), branch(2)],
        "Output": {"all": "{% $states.result %}"},
        "End": True,
    }
    machine = emulated.machine({"StartAt": "P", "States": {"P": state}})
    ended = emulated.ended(emulated.start(machine, {"x": 21}))
    assert json.loads(ended["output"]) == {"all": [[1, 42], [2, 42]]}


def test_an_error_of_a_lambda_is_caught_by_its_class(emulated: Emulated) -> None:
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": emulated.outputs["EchoArn"], "Payload": {"action": "raise"}},
        "Catch": [
            {"ErrorEquals": ["UnknownSelectorError"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}
        ],
        "End": True,
    }
    states = {"Call": call, "Caught": {"Type": "Succeed", "Output": "{% $states.input.Error %}"}}
    ended = emulated.ended(emulated.start(emulated.machine({"StartAt": "Call", "States": states})))
    assert json.loads(ended["output"]) == "UnknownSelectorError"


def test_a_machine_has_a_time_limit_of_its_own(emulated: Emulated) -> None:
    definition = {
        "StartAt": "W",
        "TimeoutSeconds": 1,
        "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}},
    }
    assert emulated.ended(emulated.start(emulated.machine(definition)), 4)["status"] == "TIMED_OUT"


# --- schedules, tables, queues, secrets ---


def test_a_schedule_fires_in_its_time_zone_with_its_scheduled_time(emulated: Emulated) -> None:
    url = emulated.outputs["SeenQueueUrl"]
    at = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    local = at.astimezone(ZoneInfo("Asia/Kolkata")).replace(tzinfo=None)
    given = {"at": "<aws.scheduler.scheduled-time>", "id": "<aws.scheduler.execution-id>"}
    emulated.client("scheduler").create_schedule(
        Name="once",
        GroupName=emulated.outputs["ScheduleGroupName"],
        ScheduleExpression=f"at({local.isoformat()})",
        ScheduleExpressionTimezone="Asia/Kolkata",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": emulated.outputs["SeenQueueArn"],
            "RoleArn": emulated.outputs["RoleArn"],
            "Input": json.dumps(given),
        },
    )
    arrived = wait_for(lambda: [m for m in emulated.messages(url) if "at" in m], 6)
    assert arrived[0]["at"] == at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(arrived[0]["id"]) > 20


def test_a_deployed_schedule_keeps_its_time_zone(emulated: Emulated) -> None:
    scheduler = emulated.client("scheduler")
    group = emulated.outputs["ScheduleGroupName"]
    (name,) = [
        entry["Name"]
        for entry in scheduler.list_schedules(GroupName=group)["Schedules"]
        if entry["Name"] != "once"
    ]
    assert scheduler.get_schedule(Name=name, GroupName=group)["ScheduleExpressionTimezone"] == "Europe/Berlin"


def test_a_deployed_table_has_its_time_to_live(emulated: Emulated) -> None:
    described = emulated.client("dynamodb").describe_time_to_live(TableName=emulated.outputs["TableName"])
    assert described["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires_at",
    }


def test_a_condition_is_parsed_once_for_many_items(emulated: Emulated, tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from ministack.services import dynamodb
        from headgate_local.emulator import patches
        patches.install(None, cache=Path(sys.argv[1]))
        items = [{"pk": {"S": str(number)}} for number in range(100)]
        found = [i for i in items if dynamodb._evaluate_condition("pk = :p", i, {":p": {"S": "7"}}, {})]
        print(found, dynamodb._condition_syntax_error.cache_info().misses)
    """
    result = subprocess.run(
        [emulated.places.emulator_python, "-c", code, tmp_path],
        env=emulator_environment(emulated.places, 4566, os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.strip() == "[{'pk': {'S': '7'}}] 1", result.stderr


def test_a_topic_feeds_a_function_through_a_queue_and_failures_end_in_the_dead_letters(
    emulated: Emulated,
) -> None:
    sns, table = emulated.client("sns"), emulated.client("dynamodb")
    for body in ("good", "fail"):
        sns.publish(TopicArn=emulated.outputs["TopicArn"], Message=body)
    key = {"pk": {"S": "message"}, "sk": {"S": "good"}}
    wait_for(lambda: table.get_item(TableName=emulated.outputs["TableName"], Key=key).get("Item"))
    sqs, url = emulated.client("sqs"), emulated.outputs["DeadLettersUrl"]
    dead = wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), 20)
    assert [message["Body"] for message in dead] == ["fail"]


def test_a_rule_on_our_bus_reaches_its_function(emulated: Emulated) -> None:
    entry = {
        "Source": "headgate",
        "DetailType": "RunQueued",
        "Detail": '{"run_id": 7}',
        "EventBusName": emulated.outputs["BusName"],
    }
    event_id = emulated.client("events").put_events(Entries=[entry])["Entries"][0]["EventId"]
    key = {"pk": {"S": "event"}, "sk": {"S": event_id}}
    table, name = emulated.client("dynamodb"), emulated.outputs["TableName"]
    item = wait_for(lambda: table.get_item(TableName=name, Key=key).get("Item"))
    assert json.loads(item["detail"]["S"]) == {"run_id": 7}


def test_an_alarm_over_a_sum_is_deployed(emulated: Emulated) -> None:
    found = emulated.client("cloudwatch").describe_alarms(AlarmNames=["headgate-sum"])["MetricAlarms"]
    assert [alarm["MetricName"] for alarm in found] == ["ApproximateNumberOfMessagesVisible"]


def test_a_generated_secret_keeps_to_its_alphabet(emulated: Emulated) -> None:
    manager = emulated.client("secretsmanager")
    secret = json.loads(manager.get_secret_value(SecretId="headgate/runner")["SecretString"])
    assert secret["user"] == "headgate"
    assert len(secret["secret"]) == 32
    assert secret["secret"].isalnum()


# --- HTTP API ---


def test_the_api_hands_raw_bytes_headers_and_query_to_the_function(emulated: Emulated) -> None:
    url = f"{emulated.endpoint}/_aws/execute-api/{emulated.outputs['ApiId']}"
    answer = httpx.post(
        f"{url}/echo/me?a=1&b=%20x",
        content=b'{"x": 1}\n',
        headers={"content-type": "application/json", "x-signature": "AbC", "cookie": "s=1; t=2"},
    )
    seen = answer.json()
    assert seen["body"] == '{"x": 1}\n'
    assert seen["headers"]["x-signature"] == "AbC"
    assert (seen["path"], seen["query"], seen["names"]) == ("/echo/me", "a=1&b=%20x", {"name": "me"})
    assert seen["cookies"] == ["s=1", "t=2"]
    assert answer.headers.get_list("set-cookie") == ["a=1; HttpOnly", "b=2"]
    assert httpx.get(f"{url}/nothing").status_code == 404
    assert httpx.get(f"{url}/things/one/two").json()["names"] == {"proxy": "one/two"}


def test_deploying_again_changes_nothing(emulated: Emulated) -> None:
    again = deploy(
        emulated.places,
        emulated.places.project / "template.yaml",
        emulated.endpoint,
        {"ConsoleUrl": "http://127.0.0.1:1", "RunnerImage": "none", "SubnetIds": "subnet-local"},
    )
    assert again == emulated.outputs
