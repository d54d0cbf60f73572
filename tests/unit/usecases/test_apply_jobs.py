"""Jobs and schedules change together: whatever fails on the way, and wherever an apply dies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from headgate.adapters.memory import MemoryClock, MemoryWorld
from headgate.domain.job import Job, JobsFile
from headgate.domain.jobs_plan import JobsPlan
from headgate.domain.schedule import Schedule
from headgate.errors import ApplyError, ConflictError, InputError, UnavailableError
from headgate.usecases.apply_jobs import apply_jobs
from headgate.usecases.plan_jobs import plan_jobs
from tests.builders import make_environment

DAILY, HOURLY = (Schedule("0 6 * * *", "Europe/Berlin"),), (Schedule("5 * * * *"),)


def job(name: str, schedules: tuple[Schedule, ...] = (), **more: Any) -> Job:
    return Job(name, "production", ("dbt build",), schedules=schedules, **more)


OLD = JobsFile((make_environment(),), (job("stays", DAILY), job("moves", DAILY), job("goes", HOURLY)), ())
NEW = JobsFile((make_environment(),), (job("stays", DAILY), job("moves", HOURLY), job("comes", HOURLY)), ())


class KilledError(BaseException):
    """The process that applied is gone."""


@dataclass
class Weak:
    """Ports of a world that fail at their n-th call, all of them counted together.

    how: before, after or in the middle of what it does. lasting: every later call fails too.
    """

    world: MemoryWorld
    at: int
    how: str
    fault: BaseException
    lasting: bool = False
    calls: int = 0
    names: list[str] = field(default_factory=list)

    def port(self, name: str) -> Any:
        return _Port(self, getattr(self.world, name))

    def call(self, name: str, port: Any, arguments: Any, named: Any) -> Any:
        self.calls += 1
        self.names.append(name)
        if self.calls < self.at or (self.calls > self.at and not self.lasting):
            return getattr(port, name)(*arguments, **named)
        if self.how == "after":
            getattr(port, name)(*arguments, **named)
        elif self.how == "half" and name == "sync":
            _half_synced(self.world, *arguments)
        raise self.fault


class _Port:
    def __init__(self, weak: Weak, port: Any) -> None:
        self._weak, self._port = weak, port

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments, **named: self._weak.call(name, self._port, arguments, named)


def _half_synced(world: MemoryWorld, jobs: Any, origin: str) -> None:
    """New entries are written, old ones not yet deleted."""
    before = dict(world.scheduler.entries.get(origin, {}))
    world.scheduler.sync(jobs, origin)
    world.scheduler.entries[origin] = before | world.scheduler.entries[origin]


def planned(world: MemoryWorld, file: JobsFile = NEW, **more: Any) -> JobsPlan:
    return plan_jobs(
        file,
        jobs=world.jobs,
        scheduler=world.scheduler,
        activities=world.activities,
        secrets=world.secrets,
        **more,
    )


def applied(world: MemoryWorld, file: JobsFile = NEW, **more: Any) -> None:
    apply_jobs(file, planned(world, file, **more), jobs=world.jobs, scheduler=world.scheduler)


@pytest.fixture
def world() -> MemoryWorld:
    made = MemoryWorld(clock=MemoryClock())
    applied(made, OLD)
    return made


def state(world: MemoryWorld) -> tuple[Any, Any]:
    """Stored jobs, deployed entries."""
    entries = {name: entry for found in world.scheduler.entries.values() for name, entry in found.items()}
    return world.jobs.jobs(), entries


def state_of(*files: JobsFile) -> tuple[Any, Any]:
    made = MemoryWorld(clock=MemoryClock())
    for file in files:
        made.jobs.apply(file)
        made.scheduler.sync(file.jobs, file.origin)
    return state(made)


def pending(world: MemoryWorld) -> bool:
    return any(found.pending for found in world.jobs.applied())


def test_jobs_and_schedules_become_what_the_file_says(world: MemoryWorld) -> None:
    assert state(world) == state_of(OLD)
    applied(world)
    assert state(world) == state_of(NEW)
    assert not pending(world)
    assert not planned(world).has_changes


CALLS = 4  # applied, apply, sync, settle


def test_every_call_of_a_port_is_failed_below(world: MemoryWorld) -> None:
    weak = Weak(world, 99, "before", KilledError())
    made = planned(world)
    apply_jobs(NEW, made, jobs=weak.port("jobs"), scheduler=weak.port("scheduler"))
    assert weak.names == ["applied", "apply", "sync", "settle"]


@pytest.mark.parametrize("how", ["before", "after", "half"])
@pytest.mark.parametrize("at", range(1, CALLS + 1))
@pytest.mark.parametrize(
    ("fault", "lasting"),
    [(KilledError(), True), (UnavailableError("throttled"), False), (UnavailableError("down"), True)],
    ids=["dies", "fails once", "fails from then on"],
)
def test_whatever_fails_leaves_the_old_or_the_new_or_a_marked_state_that_the_next_apply_mends(
    world: MemoryWorld, how: str, at: int, fault: BaseException, lasting: bool
) -> None:
    weak = Weak(world, at, how, fault, lasting)
    made = planned(world)
    with pytest.raises((KilledError, UnavailableError, ApplyError)):
        apply_jobs(NEW, made, jobs=weak.port("jobs"), scheduler=weak.port("scheduler"))
    now, marked = state(world), pending(world)
    assert marked or now in (state_of(OLD), state_of(NEW))
    assert now[0] in (state_of(OLD)[0], state_of(NEW)[0]), "jobs are never mixed"
    if marked:
        assert planned(world).has_changes, "whoever looks is told"
    applied(world)
    assert state(world) == state_of(NEW)
    assert not pending(world)
    assert not planned(world).has_changes


@pytest.mark.parametrize("how", ["before", "after", "half"])
def test_schedules_that_cannot_be_written_take_the_jobs_back(world: MemoryWorld, how: str) -> None:
    weak = Weak(world, 3, how, UnavailableError("throttled"))
    with pytest.raises(ApplyError, match=r"throttled.*Everything is as it was before"):
        apply_jobs(NEW, planned(world), jobs=weak.port("jobs"), scheduler=weak.port("scheduler"))
    assert state(world) == state_of(OLD)
    assert not pending(world)


def test_a_first_apply_that_fails_leaves_nothing() -> None:
    world = MemoryWorld(clock=MemoryClock())
    weak = Weak(world, 3, "half", UnavailableError("throttled"))
    with pytest.raises(ApplyError, match="as it was before"):
        apply_jobs(NEW, planned(world), jobs=weak.port("jobs"), scheduler=weak.port("scheduler"))
    assert (state(world), pending(world)) == (([], {}), False)


def test_what_cannot_be_taken_back_says_what_holds(world: MemoryWorld) -> None:
    weak = Weak(world, 3, "half", UnavailableError("down"), lasting=True)
    with pytest.raises(ApplyError, match=r"The new jobs are stored; .* the next `headgate jobs apply`"):
        apply_jobs(NEW, planned(world), jobs=weak.port("jobs"), scheduler=weak.port("scheduler"))


def test_somebody_elses_apply_in_between_is_kept(world: MemoryWorld) -> None:
    made = planned(world)
    applied(world, replace(OLD, jobs=(job("theirs", HOURLY),)))
    with pytest.raises(ConflictError, match="somebody else"):
        apply_jobs(NEW, made, jobs=world.jobs, scheduler=world.scheduler)
    assert [found.name for found in world.jobs.jobs()] == ["theirs"]


def test_nothing_is_taken_back_over_somebody_elses_apply(world: MemoryWorld) -> None:
    theirs = replace(OLD, jobs=(job("theirs", HOURLY),))

    class Slow:
        def sync(self, jobs: Any, origin: str) -> None:
            applied(world, theirs)
            raise UnavailableError("timed out")

    with pytest.raises(ApplyError, match="Somebody else applied meanwhile"):
        apply_jobs(NEW, planned(world), jobs=world.jobs, scheduler=Slow())  # type: ignore[arg-type]
    assert state(world) == state_of(theirs)


def test_a_plan_with_errors_or_of_another_file_is_not_carried_out(world: MemoryWorld) -> None:
    stolen = replace(NEW, origin="other.yml")
    with pytest.raises(InputError, match=r"belong to headgate\.yml"):
        applied(world, stolen)
    with pytest.raises(InputError, match="other contents"):
        apply_jobs(NEW, planned(world, OLD), jobs=world.jobs, scheduler=world.scheduler)
    assert state(world) == state_of(OLD)


def test_what_was_changed_by_hand_is_mended(world: MemoryWorld) -> None:
    world.scheduler.entries[OLD.origin].clear()
    assert planned(world, OLD).drift
    applied(world, OLD)
    assert state(world) == state_of(OLD)


def test_nothing_to_do_writes_nothing(world: MemoryWorld) -> None:
    weak = Weak(world, 1, "before", KilledError())
    apply_jobs(OLD, planned(world, OLD), jobs=weak.port("jobs"), scheduler=weak.port("scheduler"))
    assert weak.calls == 0


@pytest.mark.parametrize("at", range(1, 7))
def test_one_file_takes_the_place_of_another_or_does_not(world: MemoryWorld, at: int) -> None:
    mine = replace(NEW, origin="shop")
    made = planned(world, mine, replaces=["headgate.yml"])
    weak = Weak(world, at, "half", UnavailableError("throttled"))
    with pytest.raises((ApplyError, UnavailableError)):
        apply_jobs(mine, made, jobs=weak.port("jobs"), scheduler=weak.port("scheduler"))
    assert pending(world) or state(world) in (state_of(OLD), state_of(mine))
    left = ["headgate.yml"] if world.jobs.applied()[0].file.jobs else []
    applied(world, mine, replaces=left)
    assert state(world) == state_of(mine)
    assert not planned(world, mine).has_changes


def test_two_projects_live_side_by_side_and_remove_only_their_own(world: MemoryWorld) -> None:
    bank = JobsFile((), (job("ledger", HOURLY),), (), origin="bank", project="bank")
    applied(world, bank)
    applied(world, replace(OLD, jobs=()))
    assert state(world) == state_of(bank)


def test_five_hundred_jobs_are_one_apply(world: MemoryWorld) -> None:
    many = replace(NEW, jobs=tuple(job(f"job-{n}", HOURLY) for n in range(500)))
    applied(world, many)
    assert len(world.jobs.jobs()) == 500
    assert len(world.scheduler.names(many.origin)) == 500
