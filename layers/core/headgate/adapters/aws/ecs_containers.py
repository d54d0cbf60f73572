"""Runners as ECS tasks of the stack's cluster, known by the numbers that the state machine starts them with."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws.failures import translated
from headgate.domain.execution import Container
from headgate.errors import HeadgateError

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

# DescribeTasks' own limit, and StopTask's of a reason.
_DESCRIBED_AT_ONCE = 100
_LONGEST_REASON = 1_024
_NUMBERS = ("HEADGATE_RUN_ID", "HEADGATE_STEP", "HEADGATE_RUNNER")


class EcsContainers:
    """Containers of one cluster, by its ARN."""

    def __init__(self, client: "ECSClient", cluster_arn: str) -> None:
        self._client, self._cluster = client, cluster_arn

    def running(self) -> list[Container]:
        arns = self._arns()
        found: list[Container] = []
        for start in range(0, len(arns), _DESCRIBED_AT_ONCE):
            with translated(f"the cluster {self._cluster}"):
                answer = self._client.describe_tasks(
                    cluster=self._cluster, tasks=arns[start : start + _DESCRIBED_AT_ONCE]
                )
            # What ended since it was listed comes back as a failure, or as stopped.
            alive = (task for task in answer["tasks"] if task.get("desiredStatus") != "STOPPED")
            found += [container for task in alive if (container := _container(task)) is not None]
        return found

    def _arns(self) -> list[str]:
        with translated(f"the cluster {self._cluster}"):
            # `RUNNING` is what is wanted of them: those that still wait for a place are among them.
            pages = self._client.get_paginator("list_tasks").paginate(
                cluster=self._cluster, desiredStatus="RUNNING"
            )
            return [arn for page in pages for arn in page["taskArns"]]

    def stop(self, arn: str, reason: str) -> None:
        try:
            with translated(f"the container {arn}"):
                self._client.stop_task(cluster=self._cluster, task=arn, reason=reason[:_LONGEST_REASON])
        except HeadgateError as fault:
            # ECS forgets a stopped task after about an hour, and has no error of its own for that.
            if "not found" not in str(fault):
                raise


def _container(task: Mapping[str, Any]) -> Container | None:
    """None: it is no runner of ours (somebody's own task in this cluster)."""
    numbers = _numbers(task.get("overrides", {}).get("containerOverrides", ()))
    if numbers is None:
        return None
    # A task that was asked for a moment ago may have no time yet: it is younger than any other.
    made = task["createdAt"].timestamp() if "createdAt" in task else inf
    return Container(task["taskArn"], *numbers, made, task["lastStatus"])


def _numbers(overrides: Iterable[Mapping[str, Any]]) -> tuple[int, int, int] | None:
    """Run, step and runner."""
    given = {it["name"]: it["value"] for override in overrides for it in override.get("environment", ())}
    values = [given.get(name, "") for name in _NUMBERS]
    if not all(value.isascii() and value.isdigit() for value in values):
        return None
    run_id, step, runner = map(int, values)
    return run_id, step, runner
