"""From an event to an execution: match_triggers, start_job, dispatch_runs."""

import shlex
from dataclasses import replace

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.command import Command
from headgate.domain.events import ConnectorSynced, RunQueued, ScheduleFired
from headgate.domain.job import Job
from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.schedule import Schedule
from headgate.domain.sync import Sync
from headgate.errors import UnavailableError
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.match_triggers import match_triggers
from headgate.usecases.start_job import start_job
from tests.builders import fivetran_gate
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
    return match_triggers(event, world)


def start(world: MemoryWorld, job: str = "finance", key: str = "k") -> Run:
    return start_job(world.jobs.job(job), Cause("cli", key), jobs=world.jobs, runs=world.runs, bus=world.bus)


def dispatch(world: MemoryWorld, announced: int | None = None) -> list[int]:
    return dispatch_runs(announced, world)


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

    def refuse_the_first(job: Job, bundle: str, cause: Cause, **asked: bool) -> tuple[Run, bool]:
        if job.name == "a_first":
            raise UnavailableError("the table does not answer")
        return create(job, bundle, cause, **asked)

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


# What a sync is remembered by


NOON = "2026-01-01T12:00:00Z"
AT_NOON = 1_767_268_800.0


def at(world: MemoryWorld, moment: float) -> None:
    world.clock.advance(moment - world.clock.now())


@pytest.mark.parametrize(
    ("occurred_at", "arrived_at", "remembered"),
    [
        (NOON, AT_NOON + 90, AT_NOON),
        ("2026-01-01T12:00:00", AT_NOON + 90, AT_NOON),
        ("2026-01-01T14:00:00.250+02:00", AT_NOON + 90, AT_NOON + 0.25),
        ("", AT_NOON, AT_NOON),
        ("yesterday", AT_NOON, AT_NOON),
        # A provider's clock ahead of ours would hide every sync until then.
        (NOON, AT_NOON - 3600, AT_NOON - 3600),
        ("9999-12-31T23:59:59Z", AT_NOON, AT_NOON),
    ],
)
def test_a_sync_is_remembered_with_its_end(
    world: MemoryWorld, occurred_at: str, arrived_at: float, remembered: float
) -> None:
    at(world, arrived_at)
    match(world, synced("abc", "stripe").model_copy(update={"occurred_at": occurred_at}))
    assert world.freshness.syncs() == {"fivetran/abc": Sync("fivetran", "abc", "stripe", "1", remembered)}


def test_a_sync_is_remembered_before_a_run_is_made_of_it(world: MemoryWorld) -> None:
    def die(*_: object, **__: object) -> None:
        raise UnavailableError("the table does not answer")

    world.runs.create_run = die  # type: ignore[method-assign, assignment]
    with pytest.raises(UnavailableError):
        match(world, synced("stripe"))
    assert set(world.freshness.syncs()) == {"fivetran/stripe"}


def test_no_run_is_made_of_a_sync_that_could_not_be_remembered(world: MemoryWorld) -> None:
    record, answers = world.freshness.record_sync, iter([UnavailableError("no answer"), None])

    def once_cut_off(sync: Sync, **said: bool) -> None:
        if (fault := next(answers)) is not None:
            raise fault
        record(sync, **said)

    world.freshness.record_sync = once_cut_off  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        match(world, synced("stripe"))
    assert world.runs.list_runs() == []
    assert len(match(world, synced("stripe"))) == 1
    assert len(world.freshness.syncs_since(0.0)) == 1


def test_a_sync_that_no_job_waits_for_is_remembered_all_the_same(world: MemoryWorld) -> None:
    match(world, synced("github"))
    match(world, ScheduleFired(job="nightly", scheduled_time="2026-01-01T05:00:00Z"))
    assert set(world.freshness.syncs()) == {"fivetran/github"}


# Jobs without commands


def without_commands(world: MemoryWorld, *connectors: str) -> None:
    gates = (fivetran_gate(*connectors),)
    job = Job("fed", "production", (), gates=gates, schedules=(Schedule("0 6 * * *"),))
    world.jobs.apply(replace(JOBS, jobs=(job,)))


@pytest.mark.parametrize(
    ("event", "step"),
    [
        (synced("stripe"), "dbt build --select connector:stripe+"),
        (synced("abc", "stripe"), "dbt build --select connector:stripe+ connector:abc+"),
        (
            synced("stripe", "stripe.charges"),
            "dbt build --select connector:stripe.charges+ connector:stripe+",
        ),
        (
            synced("stripe", "my shop, v2+*"),
            "dbt build --select 'connector:my?shop??v2??+' connector:stripe+",
        ),
    ],
)
def test_a_sync_builds_what_is_downstream_of_its_connector(
    world: MemoryWorld, event: ConnectorSynced, step: str
) -> None:
    without_commands(world, "stripe", "github")
    [run] = match(world, event)
    assert run.steps == (step,)
    assert Command.parse(step).select == tuple(shlex.split(step)[3:])
    assert match(world, event) == [run]


def test_without_a_connector_it_is_everything_that_any_of_them_feeds(world: MemoryWorld) -> None:
    without_commands(world, "stripe", "github")
    step = ("dbt build --select connector:stripe+ connector:github+",)
    assert start(world, "fed").steps == step
    [run] = match(world, ScheduleFired(job="fed", scheduled_time="2026-01-01T06:00:00Z"))
    assert run.steps == step


def test_a_job_with_commands_keeps_them(world: MemoryWorld) -> None:
    assert [run.steps for run in match(world, synced("stripe"))] == [("dbt build",)]
