"""The queue of runs by its use cases: who starts first, who gives way, what is said; and whoever dies anywhere."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.events import RunFinished, RunQueued
from headgate.domain.job import Job
from headgate.domain.overrides import Overrides
from headgate.domain.run import Cause, Run, RunStatus
from headgate.errors import UnavailableError
from headgate.usecases.deactivate_job import deactivate_job
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.finalize_run import FinalizeRun
from headgate.usecases.reap_runs import reap_runs
from headgate.usecases.retry_run import retry_run
from headgate.usecases.start_job import start_job
from headgate.usecases.view_queue import view_queue
from tests.unit.usecases.conftest import JOBS

FINANCE, _, NIGHTLY = JOBS.jobs


def arrives(world: Any, key: str, job: Job = FINANCE, kind: str = "fivetran", **more: Any) -> Run:
    cause = Cause(kind, key, "", ("stripe",) if kind == "fivetran" else ())
    return start_job(job, cause, jobs=world.jobs, runs=world.runs, bus=world.bus, **more)


def apply(world: MemoryWorld, *jobs: Job, **limits: Any) -> None:
    world.jobs.apply(replace(JOBS, jobs=jobs, **limits))


def reap(world: Any) -> None:
    reap_runs(
        runs=world.runs,
        queue=world.queue,
        plans=world.plans,
        machine=world.machine,
        containers=world.containers,
        slots=world.slots,
        clock=world.clock,
        finalize=FinalizeRun.of(world, ""),
        dispatch=partial(dispatch_runs, None, world),
    )


def fails(world: Any, run: Run, error: str = "the database is down") -> None:
    world.runs.move(run.run_id, RunStatus.ERROR, error=error)
    FinalizeRun.of(world, "https://c").announce(world.runs.get_run(run.run_id))


class Dying:
    """A world whose ports die before, or right after, one of their calls."""

    def __init__(self, world: MemoryWorld, at: int, *, after: bool) -> None:
        self._world, self._at, self._after, self.calls = world, at, after, 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._world, name)
        return found if name == "clock" else _DyingPort(self, found)

    def called(self, call: Callable[[], Any]) -> Any:
        self.calls += 1
        dies = self.calls == self._at
        if dies and not self._after:
            raise UnavailableError("died before")
        answer = call()
        if dies:
            raise UnavailableError("died after")
        return answer


class _DyingPort:
    def __init__(self, dying: Dying, port: Any) -> None:
        self._dying, self._port = dying, port

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        return lambda *given, **named: self._dying.called(lambda: method(*given, **named))


def new_world() -> MemoryWorld:
    world = MemoryWorld()
    world.jobs.apply(JOBS)
    world.jobs.point_at("production", "d" * 64)
    return world


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("policy", ["queue_latest", "skip", "cancel_running"])
def test_who_makes_a_run_may_die_anywhere(policy: str, after: bool) -> None:
    job = replace(FINANCE, on_conflict=policy)
    deaths = 0
    for at in range(1, 30):
        world = new_world()
        arrives(world, "first", job, on_conflict="queue_latest")
        dying = Dying(world, at, after=after)
        try:
            arrives(dying, "second", job)
        except UnavailableError:
            deaths += 1
        again = arrives(world, "second", job)
        assert arrives(world, "second", job) == again
        reap(world)
        assert world.runs.unannounced() == []
        ended = [event.run_id for event in world.bus.published if isinstance(event, RunFinished)]
        queued = [event.run_id for event in world.bus.published if isinstance(event, RunQueued)]
        assert set(ended) == ({2} if policy == "skip" else {1})
        assert (2 in queued) == (policy != "skip")
        assert len(world.runs.list_runs()) == 2
        if dying.calls < at:
            break
    assert deaths > 3


def test_a_run_takes_the_place_in_line_of_the_one_that_waited(world: MemoryWorld) -> None:
    apply(world, FINANCE, NIGHTLY, max_parallel_runs=1)
    arrives(world, "going", kind="api")
    assert dispatch_runs(None, world) == [1]
    arrives(world, "old")
    arrives(world, "nightly", NIGHTLY, kind="api")
    arrives(world, "new")
    assert dispatch_runs(None, world) == []
    world.runs.move(1, RunStatus.ERROR)
    # Else whoever is asked for all the time would never get to the front.
    assert dispatch_runs(None, world) == [4]


def test_the_more_urgent_first_then_the_older(world: MemoryWorld) -> None:
    apply(world, FINANCE, replace(NIGHTLY, priority=5), max_parallel_runs=1)
    for number, job in enumerate((FINANCE, FINANCE, world.jobs.job("nightly"))):
        arrives(world, str(number), job, kind="api")
    order = []
    for _ in range(3):
        [run_id] = dispatch_runs(None, world)
        order.append(run_id)
        world.runs.move(run_id, RunStatus.CANCELLED)
    assert order == [3, 1, 2]


def test_a_job_without_a_place_holds_up_no_other_and_is_asked_once(world: MemoryWorld) -> None:
    for number in range(3):
        arrives(world, str(number), kind="api")
    arrives(world, "n", NIGHTLY, kind="api")
    asked = []
    take = world.runs.take_slot
    world.runs.take_slot = lambda run, limits: (asked.append(run.run_id), take(run, limits))[1]  # type: ignore[method-assign]
    assert dispatch_runs(None, world) == [1, 4]
    assert asked == [1, 2, 4]


def test_limits_hold_as_they_are_applied_now(world: MemoryWorld) -> None:
    for number in range(4):
        arrives(world, str(number), kind="api")
    apply(world, replace(FINANCE, max_parallel_runs=3))
    assert dispatch_runs(None, world) == [1, 2, 3]
    apply(world, replace(FINANCE, max_parallel_runs=1))
    world.runs.move(1, RunStatus.CANCELLED)
    assert dispatch_runs(None, world) == []


def test_the_dispatcher_stops_what_another_run_takes_the_place_of(world: MemoryWorld) -> None:
    job = replace(FINANCE, on_conflict="cancel_running")
    arrives(world, "1", job)
    assert dispatch_runs(1, world) == [1]
    world.runs.move(1, RunStatus.RUNNING)
    listed = world.runs.active_runs()
    arrives(world, "2", job)
    # The listing still has the first run without anybody's wish to stop it.
    world.runs.active_runs = lambda: listed  # type: ignore[method-assign]
    assert dispatch_runs(2, world) == []
    assert world.machine.stopped
    assert world.runs.get_run(1).cancel == "for run 2, which takes its place (on_conflict: cancel_running)"
    assert world.runs.get_run(2).also == (world.runs.get_run(1).cause,)


def test_a_run_with_overrides_stands_apart(world: MemoryWorld) -> None:
    arrives(world, "1")
    run = arrives(world, "2", overrides=Overrides(schema="mine"), bundle="b" * 64)
    assert (run.on_conflict, run.supersedes, run.bundle) == ("queue_all", (), "b" * 64)
    arrives(world, "3")
    assert [other.run_id for other in world.runs.active_runs()] == [2, 3]


def test_a_retry_repeats_all_that_its_run_was(world: MemoryWorld) -> None:
    run = arrives(world, "1", replace(FINANCE, priority=7), overrides=Overrides(schema="mine"))
    world.runs.move(run.run_id, RunStatus.ERROR)
    again = retry_run(
        1, from_start=True, cause=Cause("retry", "k"), runs=world.runs, queue=world.queue, bus=world.bus
    )
    assert (again.also, again.overrides, again.priority) == (run.causes, run.overrides, 7)


# A job whose runs fail one after the other


def limited(world: MemoryWorld, failures: int) -> Job:
    job = replace(FINANCE, deactivate_after=failures, owner="ana")
    apply(world, job)
    return job


def test_a_job_is_switched_off_after_so_many_failures_and_somebody_is_told(world: MemoryWorld) -> None:
    job = limited(world, 3)
    for number in range(5):
        fails(world, arrives(world, str(number), job, kind="api"), f"Database Error in x\n  reason {number}")
        assert world.activities.activity("finance").is_off == (number >= 2)
    [alert] = world.alerts.published
    assert (alert.node, alert.status, alert.severity, alert.owner) == (
        "job.finance",
        "deactivated",
        "error",
        "ana",
    )
    assert alert.error == (
        "switched off after 3 failed runs in a row; `headgate jobs resume finance` switches it on again. "
        "The last one: Database Error in x: reason 2"
    )
    world.activities.resume("finance")
    fails(world, arrives(world, "later", job, kind="api"))
    assert not world.activities.activity("finance").is_off


@pytest.mark.parametrize("failures", [0, 3])
def test_a_job_that_may_fail_stays_on(world: MemoryWorld, failures: int) -> None:
    job = limited(world, failures)
    for number in range(2):
        fails(world, arrives(world, str(number), job, kind="api"))
    assert (world.alerts.published, world.activities.activity("finance").failures) == ([], 2)


@pytest.mark.parametrize("after", [False, True])
def test_who_switches_a_job_off_may_die_anywhere(after: bool) -> None:
    deaths = 0
    for at in range(1, 20):
        world = new_world()
        run = arrives(world, "1", limited(world, 1), kind="api")
        world.runs.move(run.run_id, RunStatus.ERROR, error="down")
        dying = Dying(world, at, after=after)
        try:
            FinalizeRun.of(dying, "").announce(world.runs.get_run(1))
        except UnavailableError:
            deaths += 1
        reap(world)
        assert world.activities.activity("finance").is_off
        assert len({alert.alert_id for alert in world.alerts.published}) == 1
        assert world.runs.unannounced() == []
        if dying.calls < at:
            break
    assert deaths > 4


def test_nobody_is_told_of_a_job_that_is_gone_or_of_a_run_that_was_cancelled(world: MemoryWorld) -> None:
    run = arrives(world, "1", limited(world, 1), kind="api")
    world.runs.move(1, RunStatus.ERROR)
    apply(world)
    ports = {"jobs": world.jobs, "activities": world.activities, "alerts": world.alerts, "clock": world.clock}
    ended = world.runs.get_run(1)
    assert not deactivate_job(ended, **ports, console_url="")  # type: ignore[arg-type]
    limited(world, 1)
    assert not deactivate_job(replace(ended, status=RunStatus.CANCELLED), **ports, console_url="")  # type: ignore[arg-type]
    assert deactivate_job(ended, **ports, console_url="")  # type: ignore[arg-type]
    assert run.run_id == 1


def test_the_queue_is_told_of_those_that_are_shown(world: MemoryWorld) -> None:
    for key in "abc":
        arrives(world, key, kind="api")
    dispatch_runs(None, world)
    shown = world.runs.list_runs(2)
    found = view_queue(shown, runs=world.runs, jobs=world.jobs, clock=world.clock)
    assert {run_id: (wait.position, wait.waits_for) for run_id, wait in found.items()} == {
        2: (1, 1),
        3: (2, 2),
    }
    world.runs.move(3, RunStatus.CANCELLED)
    world.runs.move(1, RunStatus.SUCCESS)
    alone = world.runs.get_run(2)
    world.runs.list_runs = None  # type: ignore[assignment, method-assign]
    [wait] = view_queue([alone], runs=world.runs, jobs=world.jobs, clock=world.clock).values()
    assert wait.sentence == "it starts in a moment"
    world.runs.active_runs = None  # type: ignore[assignment, method-assign]
    assert view_queue([world.runs.get_run(1)], runs=world.runs, jobs=world.jobs, clock=world.clock) == {}
