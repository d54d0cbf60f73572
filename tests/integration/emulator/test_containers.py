"""ECS, held to AWS: containers as processes, how they stop and how that is told."""

import json
import os
import signal
import time
from typing import Any

from tests.integration.emulated import CANARY, EMULATORS_CANARY, TAKES_ITS_TIME, Emulated, wait_for


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
