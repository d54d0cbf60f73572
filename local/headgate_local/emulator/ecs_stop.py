"""StopTask lets a process end by itself and reports how it ended.

ministack marks the ECS task STOPPED with exit code 0 first and ends the container afterwards, within the
request. On AWS the answer comes at once (with STOPPED as what is wished for), the container gets SIGTERM and its
StopTimeout, and the exit code is the real one, which is what tells a clean end from a killed runner.
"""

import threading
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.core.responses import json_response
from ministack.services import ecs

from headgate_local.emulator.anchors import anchor, anchor_key
from headgate_local.emulator.runner_engine import RunnerEngine

STOP_REQUEST = "_headgate_stop_reason"


def install(engine: RunnerEngine) -> None:
    stop_at_once = anchor(ecs, "_stop_task", "data")
    mark_stopped = anchor(ecs, "_mark_task_stopped", "task_arn", "task", "reason", "stop_code", "exit_code")
    anchor_key(ecs._ACTION_MAP, "StopTask", "ecs._ACTION_MAP")
    for name in ("_resolve_task", "_resolve_cluster_name"):
        anchor(ecs, name)
    sanitize = anchor(ecs, "_sanitize", "obj")

    def stop_task(data: dict[str, Any]) -> Any:
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        task = ecs._resolve_task(data.get("task", ""), cluster) if cluster else None
        if not task or task["lastStatus"] == "STOPPED" or not task.get("_docker_ids"):
            return stop_at_once(data)
        with resource_lock("ecs-task", task["taskArn"]):
            task.setdefault(STOP_REQUEST, data.get("reason", "Task stopped by user"))
            containers = list(task.get("_docker_ids") or [])
        for container_id in containers:
            _stop_in_background(engine, container_id)
        return json_response({"task": ecs._sanitize(task)})

    def sanitize_with_wish(found: Any) -> Any:
        wished = sanitize(found)
        if isinstance(found, dict) and STOP_REQUEST in found:
            wished["desiredStatus"] = (
                "STOPPED"  # its own record must not say so yet: nobody would watch it end
            )
        return wished

    def mark_stopped_as_asked(
        task_arn: str, task: dict[str, Any], reason: str, stop_code: str, exit_code: int | None = None
    ) -> Any:
        if asked := task.get(STOP_REQUEST):
            reason, stop_code = asked, "UserInitiated"
        return mark_stopped(task_arn, task, reason, stop_code, exit_code)

    ecs._stop_task = stop_task
    ecs._ACTION_MAP["StopTask"] = stop_task
    ecs._sanitize = sanitize_with_wish
    ecs._mark_task_stopped = mark_stopped_as_asked


def _stop_in_background(engine: RunnerEngine, container_id: str) -> None:
    try:
        process = engine.get(container_id)
    except KeyError:
        return
    threading.Thread(target=process.stop, daemon=True, name=f"stop-{container_id[:8]}").start()
