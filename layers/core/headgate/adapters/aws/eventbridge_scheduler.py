"""Jobs' schedules in EventBridge Scheduler: one schedule per job, named like it, in the stack's own group.

Schedules carry no tags of their own, so the description says which file manages them.
"""

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws.failures import translated
from headgate.domain.cron import aws_cron
from headgate.domain.events import SOURCE, ScheduleFired
from headgate.domain.job import Job
from headgate.domain.schedule import Schedule
from headgate.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

_MANAGED = "managed by "
_NAME_LENGTH = 64
# A start that could not be delivered for an hour is worth less than the next one.
_RETRIES = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 20}


class EventBridgeScheduler:
    """Scheduler on one group. dead_letter_arn: a queue for starts that could never be delivered."""

    def __init__(
        self,
        client: "EventBridgeSchedulerClient",
        group: str,
        role_arn: str,
        target_arn: str,
        dead_letter_arn: str | None = None,
    ) -> None:
        self._client, self._group = client, group
        self._target: dict[str, Any] = {"Arn": target_arn, "RoleArn": role_arn, "RetryPolicy": _RETRIES}
        if dead_letter_arn:
            self._target["DeadLetterConfig"] = {"Arn": dead_letter_arn}

    def sync(self, jobs: Sequence[Job], origin: str) -> None:
        """Create, update and delete until they agree; repeating it after a failure ends the same."""
        wanted = {
            schedule_name(job.name): self._request(job, job.schedules[0], origin)
            for job in jobs
            if job.schedules
        }
        managed = self._managed(origin)
        for name in managed.keys() - wanted.keys():
            self._delete(name)
        for name, request in wanted.items():
            self._put(name, request, managed.get(name))

    def names(self, origin: str) -> list[str]:
        return sorted(_job_of(found) for found in self._managed(origin).values())

    def _put(self, name: str, request: dict[str, Any], found: dict[str, Any] | None) -> None:
        if found is not None and all(found.get(key) == value for key, value in request.items()):
            return
        with translated(f"the schedule {name}"):
            if found is not None:
                self._client.update_schedule(**request)
                return
            try:
                with translated(f"the schedule {name}"):
                    self._client.create_schedule(**request)
            except ConflictError:
                # The job's name is this origin's (JobStore refuses others'): a schedule left behind is taken over.
                self._client.update_schedule(**request)

    def _delete(self, name: str) -> None:
        try:
            with translated(f"the schedule {name}"):
                self._client.delete_schedule(GroupName=self._group, Name=name)
        except NotFoundError:
            return

    def _managed(self, origin: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        with translated(f"the schedule group {self._group}"):
            for page in self._client.get_paginator("list_schedules").paginate(GroupName=self._group):
                for entry in page["Schedules"]:
                    schedule: Any = self._client.get_schedule(GroupName=self._group, Name=entry["Name"])
                    if schedule.get("Description") == _MANAGED + origin:
                        found[entry["Name"]] = schedule
        return found

    def _request(self, job: Job, schedule: Schedule, origin: str) -> dict[str, Any]:
        return {
            "GroupName": self._group,
            "Name": schedule_name(job.name),
            "Description": _MANAGED + origin,
            "ScheduleExpression": f"cron({aws_cron(schedule.cron)})",
            "ScheduleExpressionTimezone": schedule.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "Target": {**self._target, "Input": _input(job.name)},
        }


def schedule_name(job: str) -> str:
    """The job's name where it is a legal one; otherwise its legal part and a digest."""
    legal = re.sub(r"[^0-9A-Za-z_.-]", "-", job)
    if legal == job and len(job) <= _NAME_LENGTH:
        return job
    digest = sha256(job.encode()).hexdigest()[:8]
    return f"{legal[: _NAME_LENGTH - len(digest) - 1]}-{digest}"


def _input(job: str) -> str:
    # Shaped like an event of the bus: match_triggers reads both alike. Scheduler fills in the due time.
    detail = {"job": job, "scheduled_time": "<aws.scheduler.scheduled-time>"}
    return json.dumps({"source": SOURCE, "detail-type": ScheduleFired.detail_type(), "detail": detail})


def _job_of(schedule: dict[str, Any]) -> str:
    return str(json.loads(schedule["Target"]["Input"])["detail"]["job"])
