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
from headgate.usecases.catch_up import catch_up
from headgate.usecases.pause_job import pause_job, resume_job
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


def carry_out(file: JobsFile, plan: JobsPlan, by: MemoryWorld | Weak, **ports: Any) -> None:
    """by: a Weak one, whose ports fail, or the world itself."""
    found = by if isinstance(by, MemoryWorld) else by.world
    names = ("jobs", "scheduler", "activities")
    taken = {name: getattr(by, name) if by is found else by.port(name) for name in names}  # type: ignore[union-attr]
    apply_jobs(file, plan, clock=found.clock, **{**taken, **ports})


def applied(world: MemoryWorld, file: JobsFile = NEW, **more: Any) -> None:
    carry_out(file, planned(world, file, **more), world)


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


CALLS = 6  # applied, record_due of what moves and of what comes, apply, sync, settle


def test_every_call_of_a_port_is_failed_below(world: MemoryWorld) -> None:
    weak = Weak(world, 99, "before", KilledError())
    made = planned(world)
    carry_out(NEW, made, weak)
    assert weak.names == ["applied", "record_due", "record_due", "apply", "sync", "settle"]


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
        carry_out(NEW, made, weak)
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
    weak = Weak(world, 5, how, UnavailableError("throttled"))
    with pytest.raises(ApplyError, match=r"throttled.*Everything is as it was before"):
        carry_out(NEW, planned(world), weak)
    assert state(world) == state_of(OLD)
    assert not pending(world)


def test_a_first_apply_that_fails_leaves_nothing() -> None:
    world = MemoryWorld(clock=MemoryClock())
    weak = Weak(world, 6, "half", UnavailableError("throttled"))
    with pytest.raises(ApplyError, match="as it was before"):
        carry_out(NEW, planned(world), weak)
    assert (state(world), pending(world)) == (([], {}), False)


def test_what_cannot_be_taken_back_says_what_holds(world: MemoryWorld) -> None:
    weak = Weak(world, 5, "half", UnavailableError("down"), lasting=True)
    with pytest.raises(ApplyError, match=r"The new jobs are stored; .* the next `headgate jobs apply`"):
        carry_out(NEW, planned(world), weak)


def test_somebody_elses_apply_in_between_is_kept(world: MemoryWorld) -> None:
    made = planned(world)
    applied(world, replace(OLD, jobs=(job("theirs", HOURLY),)))
    with pytest.raises(ConflictError, match="somebody else"):
        carry_out(NEW, made, world)
    assert [found.name for found in world.jobs.jobs()] == ["theirs"]


def test_nothing_is_taken_back_over_somebody_elses_apply(world: MemoryWorld) -> None:
    theirs = replace(OLD, jobs=(job("theirs", HOURLY),))

    class Slow:
        def sync(self, jobs: Any, origin: str) -> None:
            applied(world, theirs)
            raise UnavailableError("timed out")

    with pytest.raises(ApplyError, match="Somebody else applied meanwhile"):
        carry_out(NEW, planned(world), world, scheduler=Slow())
    assert state(world) == state_of(theirs)


def test_a_plan_with_errors_or_of_another_file_is_not_carried_out(world: MemoryWorld) -> None:
    stolen = replace(NEW, origin="other.yml")
    with pytest.raises(InputError, match=r"belong to headgate\.yml"):
        applied(world, stolen)
    with pytest.raises(InputError, match="other contents"):
        carry_out(NEW, planned(world, OLD), world)
    assert state(world) == state_of(OLD)


def test_what_was_changed_by_hand_is_mended(world: MemoryWorld) -> None:
    world.scheduler.entries[OLD.origin].clear()
    assert planned(world, OLD).drift
    applied(world, OLD)
    assert state(world) == state_of(OLD)


def test_nothing_to_do_writes_nothing(world: MemoryWorld) -> None:
    weak = Weak(world, 1, "before", KilledError())
    carry_out(OLD, planned(world, OLD), weak)
    assert weak.calls == 0


@pytest.mark.parametrize("at", range(1, 9))
def test_one_file_takes_the_place_of_another_or_does_not(world: MemoryWorld, at: int) -> None:
    mine = replace(NEW, origin="shop")
    made = planned(world, mine, replaces=["headgate.yml"])
    weak = Weak(world, at, "half", UnavailableError("throttled"))
    with pytest.raises((ApplyError, UnavailableError)):
        carry_out(mine, made, weak)
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


HOUR = 3600.0


def looked(world: MemoryWorld) -> list[str]:
    """The jobs of which a look at what was missed starts something."""
    begun = catch_up(
        jobs=world.jobs,
        activities=world.activities,
        runs=world.runs,
        bus=world.bus,
        events=world.events,
        clock=world.clock,
    )
    return sorted({run.job for run in begun})


@pytest.fixture
def known() -> MemoryWorld:
    """A look has seen the jobs of OLD, and nothing of theirs was missed."""
    made = MemoryWorld(clock=MemoryClock())
    made.jobs.point_at("production", "d" * 64)
    applied(made, OLD)
    assert looked(made) == []
    return made


def test_a_job_that_comes_back_makes_up_for_nothing_of_while_it_was_gone(known: MemoryWorld) -> None:
    applied(known, replace(OLD, jobs=()))
    known.clock.advance(30 * HOUR)
    applied(known, OLD)
    assert looked(known) == []
    known.clock.advance(1.5 * HOUR)
    assert looked(known) == ["goes"], "the hourly one"


@pytest.mark.parametrize("old", [(), DAILY, (Schedule("5 * * * *", "Asia/Kolkata"),)])
def test_other_schedules_make_up_for_nothing_of_before(old: tuple[Schedule, ...]) -> None:
    world = MemoryWorld(clock=MemoryClock())
    world.jobs.point_at("production", "d" * 64)
    applied(world, replace(OLD, jobs=(job("moves", old),)))
    looked(world)
    world.clock.advance(1.5 * HOUR)
    applied(world, replace(OLD, jobs=(job("moves", HOURLY),)))
    assert looked(world) == []


def test_the_same_schedules_make_up_for_what_was_missed_whatever_else_changes(known: MemoryWorld) -> None:
    known.clock.advance(1.5 * HOUR)
    applied(known, replace(OLD, jobs=(job("goes", HOURLY, priority=1),)))
    assert looked(known) == ["goes"]


def test_a_job_that_its_file_paused_makes_up_for_nothing(known: MemoryWorld) -> None:
    applied(known, replace(OLD, jobs=(job("goes", HOURLY, paused=True),)))
    known.clock.advance(1.5 * HOUR)
    applied(known, replace(OLD, jobs=(job("goes", HOURLY),)))
    assert looked(known) == []


@pytest.mark.parametrize("was_off", [True, False])
def test_a_job_that_is_resumed_makes_up_for_nothing_unless_it_was_on(
    known: MemoryWorld, was_off: bool
) -> None:
    if was_off:
        pause_job("goes", "by ana", jobs=known.jobs, activities=known.activities)
    known.clock.advance(1.5 * HOUR)
    resume_job("goes", jobs=known.jobs, activities=known.activities, clock=known.clock)
    assert looked(known) == ([] if was_off else ["goes"])


@pytest.mark.parametrize("how", ["before", "after", "half"])
@pytest.mark.parametrize("at", range(1, CALLS + 1))
def test_wherever_an_apply_dies_nothing_of_before_is_made_up_for(
    known: MemoryWorld, how: str, at: int
) -> None:
    """And what came due since it changed the jobs is, although the next apply brings up the schedules."""
    applied(known, replace(OLD, jobs=(job("moves", DAILY),)))
    known.clock.advance(50 * HOUR)
    catch_up_of_old = looked(known)
    weak = Weak(known, at, how, KilledError(), lasting=True)
    with pytest.raises(KilledError):
        carry_out(NEW, planned(known), weak)
    assert "comes" not in looked(known)
    stored = any(found.name == "comes" for found in known.jobs.jobs())
    known.clock.advance(1.5 * HOUR)
    applied(known)
    assert catch_up_of_old == ["moves"]
    assert looked(known) == (["comes", "moves"] if stored else [])
