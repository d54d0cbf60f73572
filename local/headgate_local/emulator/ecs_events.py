"""ECS puts "ECS Task State Change" on the default bus, as AWS does; ministack never does."""

import contextvars
import json
import threading
from typing import Any

from ministack.services import ecs, eventbridge

from headgate_local.emulator.anchors import anchor

REPORTED = (
    "taskArn", "clusterArn", "taskDefinitionArn", "group", "startedBy", "stoppedReason", "stopCode",
    "launchType", "createdAt", "startedAt", "stoppedAt", "overrides", "desiredStatus", "lastStatus",
)  # fmt: skip
REPORTED_OF_CONTAINER = ("name", "exitCode", "lastStatus", "containerArn", "reason")
CHANGES = ("_mark_task_running", "_mark_task_stopped")


def install() -> None:
    anchor(eventbridge, "_put_events", "data")
    for name in CHANGES:
        _announce_after(name, anchor(ecs, name, "task_arn", "task"))


def _announce_after(name: str, change: Any) -> None:
    def change_and_announce(task_arn: str, task: dict[str, Any], *rest: Any, **named: Any) -> Any:
        changed = change(task_arn, task, *rest, **named)
        if changed:
            detail = _detail(task)
            context = contextvars.copy_context()  # it names the account and region
            threading.Thread(target=context.run, args=(_announce, task_arn, detail), daemon=True).start()
        return changed

    setattr(ecs, name, change_and_announce)


def _detail(task: dict[str, Any]) -> dict[str, Any]:
    detail = {name: task.get(name) for name in REPORTED}
    detail["containers"] = [
        {name: container.get(name) for name in REPORTED_OF_CONTAINER}
        for container in task.get("containers", [])
    ]
    return detail


def _announce(task_arn: str, detail: dict[str, Any]) -> None:
    entry = {
        "Source": "aws.ecs",
        "DetailType": "ECS Task State Change",
        "Detail": json.dumps(detail, default=str),
        "Resources": [task_arn],
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
