"""An apply that is cut off at any request to AWS: the old or the new state, or a marked one that is mended later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError

from headgate.domain.job import Environment, Job, JobsFile
from headgate.domain.jobs_plan import JobsPlan
from headgate.domain.receiver import Receiver
from headgate.domain.schedule import Schedule
from headgate.errors import HeadgateError
from headgate.usecases.apply_jobs import apply_jobs
from headgate.usecases.plan_jobs import plan_jobs
from tests.contract.conftest import MotoStage

DAILY, HOURLY = (Schedule("0 6 * * *", "Asia/Tokyo"),), (Schedule("5 * * * *"),)
ENVIRONMENT = Environment("production", "prod", "analytics")
OLD = JobsFile(
    (ENVIRONMENT,),
    (Job("moves", "production", (), schedules=DAILY), Job("goes", "production", (), schedules=DAILY)),
    (),
)
NEW = JobsFile(
    (ENVIRONMENT,),
    (Job("moves", "production", (), schedules=HOURLY), Job("comes", "production", (), schedules=HOURLY)),
    (),
    receivers=(Receiver("erp"),),
)


@dataclass
class Cut:
    """Requests of all clients, counted together; from the `at`-th on none is answered."""

    at: int
    after: bool
    calls: int = 0

    def __call__(self, call: Any, arguments: Any, request: Any) -> Any:
        self.calls += 1
        if self.calls < self.at:
            return call(*arguments, **request)
        if self.calls == self.at and self.after:
            call(*arguments, **request)
        raise ConnectionClosedError(endpoint_url="AWS: connection closed")


class CutClient:
    """A boto3 client whose requests can be cut off; what makes no request passes."""

    def __init__(self, client: Any, cut: Cut) -> None:
        self._client, self._cut = client, cut

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name in ("get_paginator", "exceptions", "meta"):
            return found
        return lambda *arguments, **request: self._cut(found, arguments, request)


def planned(world: Any, file: JobsFile) -> JobsPlan:
    return plan_jobs(
        file,
        jobs=world.jobs,
        scheduler=world.scheduler,
        activities=world.activities,
        secrets=world.secrets,
    )


def apply(world: Any, file: JobsFile) -> None:
    carry_out(world, file, planned(world, file))


def carry_out(world: Any, file: JobsFile, plan: JobsPlan) -> None:
    apply_jobs(
        file,
        plan,
        jobs=world.jobs,
        scheduler=world.scheduler,
        activities=world.activities,
        clock=world.clock,
    )


def state(world: Any) -> tuple[Any, ...]:
    found = boto3.client("scheduler").list_schedules(GroupName="headgate-schedules")["Schedules"]
    expressions: list[Any] = [
        boto3.client("scheduler").get_schedule(GroupName="headgate-schedules", Name=one["Name"])
        for one in found
    ]
    return (
        world.jobs.jobs(),
        world.jobs.receivers(),
        sorted(
            (one["Name"], one["ScheduleExpression"], one["ScheduleExpressionTimezone"]) for one in expressions
        ),
    )


@pytest.mark.parametrize("after", [False, True], ids=["before it is done", "after it is done"])
def test_an_apply_that_is_cut_off_at_any_request(
    moto: MotoStage, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    world = moto.world
    apply(world, NEW)
    new = state(world)
    apply(world, OLD)
    old = state(world)
    for at in range(1, 100):
        cut = Cut(at, after)
        made = planned(world, NEW)
        with monkeypatch.context() as patched:
            patched.setattr(world.jobs._table, "_client", CutClient(world.jobs._table._client, cut))
            patched.setattr(world.scheduler, "_client", CutClient(world.scheduler._client, cut))
            patched.setattr(
                world.activities._table, "_client", CutClient(world.activities._table._client, cut)
            )
            try:
                carry_out(world, NEW, made)
            except HeadgateError:
                pass
            else:
                break
        marked = any(found.pending for found in world.jobs.applied())
        assert marked or state(world) in (old, new)
        assert state(world)[:2] in (old[:2], new[:2])
        apply(world, NEW)
        assert state(world) == new
        assert not planned(world, NEW).has_changes
        apply(world, OLD)
    assert at > 8, "so many requests an apply makes at least"
    assert state(world) == new
