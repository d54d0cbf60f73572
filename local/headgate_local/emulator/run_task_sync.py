"""``ecs:runTask.sync`` as AWS runs it.

ministack succeeds whatever the exit code, answers with the list of DescribeTasks in the API's spelling, polls
once a second for ten minutes at most, and leaves the ECS task running when the state times out or the
execution is stopped. On AWS the state fails with States.TaskFailed (the ECS task's description as its cause),
the result is the one task in capitals, and a state that ends early stops its ECS task.
"""

import contextvars
import json
import time
from typing import Any

from ministack.services import ecs
from ministack.services import stepfunctions as states

from headgate_local.emulator import execution_scope
from headgate_local.emulator.anchors import anchor, anchor_key
from headgate_local.emulator.execution_scope import Cancelled

RUN_TASK = "arn:aws:states:::ecs:runTask"
POLL_SECONDS = 0.05
STARTED_BY = "AWS Step Functions"


def install() -> None:
    anchor(states, "_invoke_ecs_run_task", "resource", "input_data")
    anchor(states, "_invoke_resource", "resource", "input_data")
    anchor(states, "_pascal_to_camel", "d")
    anchor(ecs, "_run_task", "data")
    anchor_key(states._SERVICE_DISPATCH, RUN_TASK, "stepfunctions._SERVICE_DISPATCH")
    with_timeout = anchor(states, "_invoke_resource_with_timeout", "resource", "input_data", "timeout")

    def with_timeout_that_stops(resource: str, input_data: Any, timeout: float) -> Any:
        if not resource.startswith(RUN_TASK):
            return with_timeout(resource, input_data, timeout)
        context = contextvars.copy_context()
        context.run(execution_scope.deadline.set, time.monotonic() + timeout)
        return context.run(states._invoke_resource, resource, input_data)

    states._invoke_ecs_run_task = run_task
    states._SERVICE_DISPATCH[RUN_TASK] = run_task
    states._invoke_resource_with_timeout = with_timeout_that_stops


def run_task(resource: str, input_data: dict[str, Any]) -> Any:
    """Start an ECS task and, for ``.sync``, wait for its end."""
    request = states._pascal_to_camel(input_data)
    request.setdefault("startedBy", STARTED_BY)
    status, _, body = ecs._run_task(request)
    answer = json.loads(body)
    if status >= 400:
        name = answer.get("__type", "AmazonECSException").rsplit("#", 1)[-1]
        raise states._ExecutionError(f"ECS.{name}", answer.get("message", str(answer)))
    if ".sync" not in resource:
        return capitalised(answer)
    return _wait(answer["tasks"][0]["taskArn"], request.get("cluster", "default"))


def _wait(task_arn: str, cluster: str) -> Any:
    until = execution_scope.deadline.get()
    try:
        while (task := ecs._tasks[task_arn])["lastStatus"] != "STOPPED":
            execution_scope.check()
            if until is not None and time.monotonic() > until:
                _stop(task_arn, cluster, "The state timed out")
                raise states._ExecutionError("States.Timeout", f"{task_arn} ran longer than TimeoutSeconds")
            time.sleep(POLL_SECONDS)
    except Cancelled:
        _stop(task_arn, cluster, "The execution was stopped")
        raise
    description = capitalised(ecs._sanitize(task))
    if _failed(task):
        raise states._ExecutionError(
            "States.TaskFailed", json.dumps(description, default=str, separators=(",", ":"))
        )
    return description


def _failed(task: dict[str, Any]) -> bool:
    codes = [container.get("exitCode") for container in task["containers"]]
    return task.get("stopCode") == "TaskFailedToStart" or any(code not in (0, None) for code in codes)


def _stop(task_arn: str, cluster: str, reason: str) -> None:
    ecs._stop_task({"cluster": cluster, "task": task_arn, "reason": reason})


def capitalised(value: Any) -> Any:
    """The spelling Step Functions gives to answers of ECS: every key starts with a capital."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: capitalised(item) for key, item in value.items()}
    return [capitalised(item) for item in value] if isinstance(value, list) else value
