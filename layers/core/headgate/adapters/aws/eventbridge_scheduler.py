"""Jobs' schedules in EventBridge Scheduler: what domain/schedule_entry.py makes of them, in the stack's own group.

Schedules carry no tags of their own, so the description says what manages them. A job that its file pauses keeps its
entries, switched off; one that somebody paused keeps them on: match_triggers says what it did not start.
"""

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws.failures import translated
from headgate.domain.events import SOURCE, ScheduleFired
from headgate.domain.job import Job
from headgate.domain.schedule_drift import drift_of
from headgate.domain.schedule_entry import EXPECTED, Entry, job_entries
from headgate.errors import ConflictError, NotFoundError
from headgate.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

_MANAGED = "managed by "
_NAME_LENGTH = 64
# A start that could not be delivered for an hour is worth less than the next one.
_RETRIES = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 20}
# What a schedule is made of takes a request each to read.
_READERS = 8

Found = dict[str, dict[str, Any]]


class EventBridgeScheduler:
    """Scheduler on one group. dead_letter_arn: a queue for starts that could never be delivered."""

    def __init__(
        self,
        client: "EventBridgeSchedulerClient",
        group: str,
        role_arn: str,
        target_arn: str,
        clock: Clock,
        dead_letter_arn: str | None = None,
    ) -> None:
        self._client, self._group, self._clock = client, group, clock
        self._target: dict[str, Any] = {"Arn": target_arn, "RoleArn": role_arn, "RetryPolicy": _RETRIES}
        if dead_letter_arn:
            self._target["DeadLetterConfig"] = {"Arn": dead_letter_arn}

    def sync(self, jobs: Sequence[Job], origin: str) -> None:
        """Create and update, then delete, until they agree; repeating it after a failure ends the same."""
        managed = self._managed(origin)
        wanted, anew = self._wanted(jobs, origin, managed), self._wanted(jobs, origin, {})
        for name, request in wanted.items():
            if not _agrees(request, managed.get(name, {})):
                # Scheduler refuses a start that is past: a rate that is changed begins anew, at the times of before.
                self._put(anew[name], is_there=name in managed)
        for name in managed.keys() - wanted.keys():
            self._delete(name)

    def names(self, origin: str) -> list[str]:
        return sorted({_job_of(found) for found in self._managed(origin).values()})

    def drift(self, jobs: Sequence[Job], origin: str) -> list[str]:
        managed = self._managed(origin)
        return drift_of(self._wanted(jobs, origin, managed, EXPECTED), managed)

    def _put(self, request: dict[str, Any], *, is_there: bool) -> None:
        told = f"the schedule {request['Name']}"
        with translated(told):
            if is_there:
                self._client.update_schedule(**request)
                return
            try:
                with translated(told):
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

    def _managed(self, origin: str) -> Found:
        with translated(f"the schedule group {self._group}"):
            pages = self._client.get_paginator("list_schedules").paginate(GroupName=self._group)
            names = [entry["Name"] for page in pages for entry in page["Schedules"]]
        with ThreadPoolExecutor(_READERS) as readers:
            read = zip(names, readers.map(self._read, names), strict=True)
            return {name: found for name, found in read if found.get("Description") == _MANAGED + origin}

    def _read(self, name: str) -> dict[str, Any]:
        try:
            with translated(f"the schedule {name}"):
                return dict(self._client.get_schedule(GroupName=self._group, Name=name))
        except NotFoundError:  # a one-off that came due since it was listed
            return {}

    def _wanted(
        self, jobs: Sequence[Job], origin: str, managed: Found, horizon: float = float("inf")
    ) -> dict[str, dict[str, Any]]:
        """Requests by name; of the one-offs that are not there, those that are due within the horizon."""
        now = self._clock.now()
        wanted = {}
        for job in jobs:
            for entry_name, entry in job_entries(job, now).items():
                name = schedule_name(entry_name)
                if name in managed or entry.once is None or entry.once <= now + horizon:
                    wanted[name] = self._request(name, job, entry, origin, managed.get(name, {}))
        return wanted

    def _request(
        self, name: str, job: Job, entry: Entry, origin: str, found: Mapping[str, Any]
    ) -> dict[str, Any]:
        request: dict[str, Any] = {
            "GroupName": self._group,
            "Name": name,
            "Description": _MANAGED + origin,
            "ScheduleExpression": entry.expression,
            "ScheduleExpressionTimezone": entry.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "DISABLED" if job.paused else "ENABLED",
            "Target": {**self._target, "Input": _input(job.name)},
        }
        if entry.once is not None:
            request["ActionAfterCompletion"] = "DELETE"
        if entry.start is not None:
            since = found.get("StartDate")
            begun = entry.begins_alike(since.timestamp() if since else None)
            request["StartDate"] = since if begun else datetime.fromtimestamp(entry.start, UTC)
        return request


def _agrees(request: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return all(found.get(key) == value for key, value in request.items())


def schedule_name(entry: str) -> str:
    """The entry's name where it is a legal one; otherwise its legal part and a digest."""
    legal = re.sub(r"[^0-9A-Za-z_.-]", "-", entry)
    if legal == entry and len(entry) <= _NAME_LENGTH:
        return entry
    digest = sha256(entry.encode()).hexdigest()[:8]
    return f"{legal[: _NAME_LENGTH - len(digest) - 1]}-{digest}"


def _input(job: str) -> str:
    # Shaped like an event of the bus: match_triggers reads both alike. Scheduler fills in the due time.
    detail = {"job": job, "scheduled_time": "<aws.scheduler.scheduled-time>"}
    return json.dumps({"source": SOURCE, "detail-type": ScheduleFired.detail_type(), "detail": detail})


def _job_of(schedule: dict[str, Any]) -> str:
    return str(json.loads(schedule["Target"]["Input"])["detail"]["job"])
