"""From an event to an execution: match_triggers, start_job, dispatch_runs."""

from dataclasses import replace

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.events import ConnectorSynced, RunQueued, ScheduleFired
from headgate.domain.job import Job
from headgate.domain.run import Cause, Run, RunStatus
from headgate.errors import UnavailableError
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.match_triggers import match_triggers
from headgate.usecases.start_job import start_job
from tests.unit.usecases.conftest import JOBS


def synced(connector: str, name: str = "", sync: str = "1") -> ConnectorSynced:
    return ConnectorSynced(
        event_id=f"fivetran/default/{connector}/{sync}/sync_end",
        provider="fivetran",
        origin="default",
        connector_id=connector,
        connector_name=name,
        sync_id=sync,
    )


def match(world: MemoryWorld, event: ConnectorSynced | ScheduleFired) -> list[Run]:
    if isinstance(event, ConnectorSynced):
        world.events.record(event.event_id, {})
    return match_triggers(event, jobs=world.jobs, runs=world.runs, events=world.events, bus=world.bus)


def start(world: MemoryWorld, job: str = "finance", key: str = "k") -> Run:
    return start_job(world.jobs.job(job), Cause("cli", key), jobs=world.jobs, runs=world.runs, bus=world.bus)


def dispatch(world: MemoryWorld, announced: int | None = None) -> list[int]:
    return dispatch_runs(announced, runs=world.runs, machine=world.machine)


@pytest.mark.parametrize("event", [synced("stripe"), synced("some_id", name="stripe")])
def test_a_connector_is_known_by_id_or_name(world: MemoryWorld, event: ConnectorSynced) -> None:
    [run] = match(world, event)
    assert (run.job, run.status, run.cause.kind) == ("finance", RunStatus.QUEUED, "fivetran")
    assert world.bus.published == [RunQueued(run_id=run.run_id, job="finance")]


def test_the_same_event_twice_makes_one_run(world: MemoryWorld) -> None:
    assert match(world, synced("stripe")) == match(world, synced("stripe"))
    assert len(world.runs.list_runs()) == 1


def test_a_job_that_cannot_be_started_does_not_hold_up_the_others(world: MemoryWorld) -> None:
    other = replace(JOBS.jobs[0], name="a_first")
    world.jobs.apply(replace(JOBS, jobs=(other, *JOBS.jobs)))
    create = world.runs.create_run

    def refuse_the_first(job: Job, bundle: str, cause: Cause) -> tuple[Run, bool]:
        if job.name == "a_first":
            raise UnavailableError("the table does not answer")
        return create(job, bundle, cause)

    world.runs.create_run = refuse_the_first  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        match(world, synced("stripe"))
    assert [run.job for run in world.runs.list_runs()] == ["finance"]


def test_two_syncs_make_two_runs(world: MemoryWorld) -> None:
    match(world, synced("stripe", sync="1"))
    match(world, synced("stripe", sync="2"))
    assert [run.run_id for run in world.runs.list_runs()] == [2, 1]


def test_a_connector_that_no_job_names_is_recorded_as_unmapped(world: MemoryWorld) -> None:
    assert match(world, synced("github")) == []
    assert world.events.recent()[0]["outcome"] == "unmapped"


def test_a_schedule_starts_its_own_job_once_per_due_time(world: MemoryWorld) -> None:
    due = ScheduleFired(job="nightly", scheduled_time="2026-11-23T05:00:00Z")
    assert [run.job for run in match(world, due)] == ["nightly"]
    assert match(world, due)[0].run_id == 1
    assert match(world, ScheduleFired(job="finance", scheduled_time="2026-11-23T05:00:00Z")) == []


def test_a_job_without_a_published_bundle_gets_a_run_that_somebody_sees(world: MemoryWorld) -> None:
    world.jobs._bundles.clear()
    assert start(world).bundle == ""


def test_one_run_of_a_job_at_a_time(world: MemoryWorld) -> None:
    first, second, other = start(world, key="1"), start(world, key="2"), start(world, "nightly", key="3")
    assert dispatch(world) == [first.run_id, other.run_id]
    assert world.runs.get_run(second.run_id).status is RunStatus.QUEUED
    world.runs.move(first.run_id, RunStatus.SUCCESS)
    assert dispatch(world) == [second.run_id]


def test_dispatching_again_starts_nothing_again(world: MemoryWorld) -> None:
    start(world)
    assert dispatch(world) == [1]
    assert dispatch(world, 1) == []
    assert list(world.machine.started.values()) == [1]


def test_a_run_whose_execution_was_never_recorded_is_started_under_the_same_name(world: MemoryWorld) -> None:
    start(world)
    record, world.runs.record_execution = world.runs.record_execution, _unavailable  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        dispatch(world, 1)
    world.runs.record_execution = record  # type: ignore[method-assign]
    assert dispatch(world, 1) == [1]
    assert list(world.machine.started.values()) == [1]
    assert world.runs.get_run(1).execution_arn is not None


def test_an_announced_run_is_dispatched_although_the_listing_lags(world: MemoryWorld) -> None:
    run = start(world)
    world.runs.active_runs = list  # type: ignore[method-assign]
    assert dispatch(world, run.run_id) == [run.run_id]


def test_one_run_that_cannot_start_does_not_hold_up_the_others(world: MemoryWorld) -> None:
    start(world, key="1"), start(world, "nightly", key="2")
    begin = world.machine.start

    def refuse_the_first(run: Run) -> str:
        if run.run_id == 1:
            raise UnavailableError("Step Functions does not answer")
        return begin(run)

    world.machine.start = refuse_the_first  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        dispatch(world)
    assert list(world.machine.started.values()) == [2]


def _unavailable(*_: object) -> None:
    raise UnavailableError("not now")
