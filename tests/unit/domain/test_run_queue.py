"""What a new run does about the others: whatever comes in whatever order, no cause is lost and no limit is passed."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.adapters.memory import MemoryWorld
from headgate.domain.job import Environment, Job, JobsFile
from headgate.domain.overrides import Overrides
from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.run_queue import (
    MOST_OF_CAUSES,
    MOST_SUPERSEDED,
    Limits,
    Start,
    enter,
    policy_of,
    scopes_of,
    steps_of,
)
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.start_job import start_job
from tests.builders import fivetran_gate

JOB = Job("finance", "production", ("dbt build",), gates=(fivetran_gate("stripe", "hubspot"),))
BARE = replace(JOB, run=())
EVENTS = ("fivetran", "airbyte", "gate", "s3", "github", "gitlab", "dbt_cloud", "webhook", "job", "model")


def cause_of(key: object, *connectors: str, kind: str = "fivetran") -> Cause:
    return Cause(kind, str(key), "", connectors)


def a_run(
    run_id: int, policy: str = "queue_latest", status: RunStatus = RunStatus.QUEUED, **more: object
) -> Run:
    run = Run(
        run_id,
        "finance",
        "production",
        "d",
        ("dbt build",),
        cause_of(run_id),
        status,
        "2026-01-01T00:00:00+00:00",
    )
    return replace(run, on_conflict=policy, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "kind", "asked", "overridden", "policy"),
    [
        *(("", kind, "", False, "queue_latest") for kind in ("schedule", *EVENTS)),
        *(("", kind, "", False, "queue_all") for kind in ("api", "cli", "retry")),
        ("queue_latest", "api", "", False, "queue_all"),
        ("queue_latest", "schedule", "", False, "queue_latest"),
        ("queue_all", "schedule", "", False, "queue_all"),
        ("skip", "api", "", False, "skip"),
        ("cancel_running", "fivetran", "", False, "cancel_running"),
        ("skip", "schedule", "queue_all", False, "queue_all"),
        ("", "schedule", "", True, "queue_all"),
        ("cancel_running", "api", "", True, "queue_all"),
        ("", "api", "cancel_running", True, "cancel_running"),
    ],
)
def test_what_starts_a_run_decides_unless_somebody_says(
    said: str, kind: str, asked: str, overridden: bool, policy: str
) -> None:
    job = replace(JOB, on_conflict=said)
    assert policy_of(job, cause_of("k", kind=kind), asked, overridden=overridden) == policy


def test_a_newer_run_takes_the_place_of_the_one_that_waits_and_of_no_other() -> None:
    going = a_run(1, status=RunStatus.RUNNING)
    by_hand = a_run(2, "queue_all")
    other = a_run(3, overrides=Overrides(schema="mine"))
    leaving = a_run(4, cancel="by ana")
    waiting = a_run(5, also=(cause_of("older"),), from_start=True, place=3)
    entry = enter(a_run(9), JOB, [going, by_hand, other, leaving, waiting])
    assert (entry.superseded, entry.stopped) == ((waiting,), ())
    assert entry.run.also == (cause_of(5), cause_of("older"))
    assert (entry.run.supersedes, entry.run.place, entry.run.from_start) == ((5,), 3, True)
    assert entry.superseding_text == "superseded by run 9"


def test_runs_that_somebody_asked_for_all_wait() -> None:
    entry = enter(a_run(9, "queue_all"), JOB, [a_run(1), a_run(2, "queue_all")])
    assert (entry.run, entry.superseded) == (a_run(9, "queue_all"), ())


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.STARTING, RunStatus.RUNNING])
def test_a_skipped_run_says_which_one_was_there(status: RunStatus) -> None:
    entry = enter(a_run(9, "skip"), JOB, [a_run(3), a_run(7, status=status)])
    first = 3 if status is RunStatus.QUEUED else 7
    assert entry.run.status is RunStatus.CANCELLED
    assert entry.run.error == f"skipped: run {first} was in progress (on_conflict: skip)"
    over = a_run(7, status=RunStatus.SUCCESS)
    assert enter(a_run(9, "skip"), JOB, [over]).run.status is RunStatus.QUEUED


def test_those_in_progress_are_stopped_and_what_they_were_to_do_is_done() -> None:
    going, waiting = a_run(1, status=RunStatus.RUNNING), a_run(2, "queue_all")
    entry = enter(a_run(9, "cancel_running"), JOB, [going, waiting, a_run(3, cancel="by ana")])
    assert (entry.superseded, entry.stopped) == ((waiting,), (going,))
    assert set(entry.run.causes) == {cause_of(1), cause_of(2), cause_of(9)}
    assert entry.stopping_text == "for run 9, which takes its place (on_conflict: cancel_running)"


def test_a_run_of_another_environment_keeps_its_place() -> None:
    assert enter(a_run(9), JOB, [a_run(1, environment="dev")]).superseded == ()


def test_a_run_that_remembers_too_much_is_left_beside_the_new_one() -> None:
    full = a_run(1, also=(Cause("s3", "x", "d" * MOST_OF_CAUSES),))
    entry = enter(a_run(9), JOB, [full])
    assert (entry.superseded, entry.run.also) == ((), ())


@pytest.mark.parametrize(
    ("job", "causes", "steps"),
    [
        (JOB, [("stripe",), ()], ("dbt build",)),
        (BARE, [("stripe",)], ("dbt build --select connector:stripe+",)),
        (
            BARE,
            [("stripe",), ("hubspot", "stripe")],
            ("dbt build --select connector:stripe+ connector:hubspot+",),
        ),
        (BARE, [()], ("dbt build --select connector:stripe+ connector:hubspot+",)),
        # A connector that the job does not wait for any more.
        (BARE, [("old",), ()], ("dbt build --select connector:stripe+ connector:hubspot+ connector:old+",)),
    ],
)
def test_a_run_builds_what_all_its_causes_call_for(
    job: Job, causes: list[tuple[str, ...]], steps: tuple[str, ...]
) -> None:
    assert steps_of(job, [cause_of(number, *names) for number, names in enumerate(causes)]) == steps


def test_places_are_counted_where_there_is_a_limit() -> None:
    assert [scope.name for scope in scopes_of(a_run(1), Limits())] == ["job#finance"]
    everywhere = scopes_of(a_run(1), Limits(2, 3, 4))
    assert [(scope.name, scope.limit) for scope in everywhere] == [
        ("job#finance", 2),
        ("environment#production", 3),
        ("account", 4),
    ]
    assert [bool(answer) for answer in Start] == [True, False, False, False, False]


KINDS = st.sampled_from(["fivetran", "schedule", "api"])
JOBS = ("finance", "core")
STEP = st.one_of(
    st.tuples(
        st.just("arrives"), st.sampled_from(JOBS), KINDS, st.sampled_from([(), ("stripe",), ("hubspot",)])
    ),
    st.tuples(st.just("dispatch")),
    st.tuples(st.just("ends"), st.integers(0, 5)),
)


@settings(max_examples=150, deadline=None)
@given(
    policies=st.tuples(*[st.sampled_from(["", "queue_latest", "queue_all", "cancel_running"])] * 2),
    limits=st.tuples(st.integers(1, 3), st.sampled_from([None, 1, 2]), st.sampled_from([None, 1, 3])),
    priorities=st.tuples(st.integers(0, 1), st.integers(0, 1)),
    steps=st.lists(STEP, max_size=40),
)
def test_in_any_order_of_arrivals_and_ends_no_cause_is_lost(
    policies: tuple[str, str],
    limits: tuple[int, int | None, int | None],
    priorities: tuple[int, int],
    steps: list[tuple[object, ...]],
) -> None:
    world = MemoryWorld()
    jobs = tuple(
        replace(BARE, name=name, on_conflict=policy, priority=priority, max_parallel_runs=limits[0])
        for name, policy, priority in zip(JOBS, policies, priorities, strict=True)
    )
    environment = Environment("production", "prod", "x", max_parallel_runs=limits[1])
    world.jobs.apply(JobsFile((environment,), jobs, (), max_parallel_runs=limits[2]))
    wanted: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in JOBS}
    for number, step in enumerate(steps):
        if step[0] == "arrives":
            _, name, kind, connectors = step
            cause = Cause(str(kind), str(number), "", connectors if kind == "fivetran" else ())  # type: ignore[arg-type]
            start_job(world.jobs.job(str(name)), cause, jobs=world.jobs, runs=world.runs, bus=world.bus)
            wanted[str(name)][cause.key] = cause.connectors
        elif step[0] == "dispatch":
            _dispatch(world, limits)
        else:
            _end_one(world, int(str(step[1])))
    while any(not run.status.is_final for run in world.runs.list_runs(1_000)):
        _dispatch(world, limits)
        _end_one(world, 0)
    for name, causes in wanted.items():
        done = [run for run in world.runs.list_runs(1_000, name) if run.status is RunStatus.SUCCESS]
        assert {cause.key for run in done for cause in run.causes} == set(causes)
        for key, connectors in causes.items():
            [run] = [run for run in done if key in {cause.key for cause in run.causes}]
            assert all(
                f"connector:{connector}+" in run.steps[0] for connector in connectors or BARE.connectors
            )


def _dispatch(world: MemoryWorld, limits: tuple[int, int | None, int | None]) -> None:
    before = [run for run in world.runs.active_runs() if run.status is RunStatus.QUEUED]
    started = dispatch_runs(None, world)
    going = [run for run in world.runs.active_runs() if run.status is not RunStatus.QUEUED]
    left = [run for run in before if world.runs.get_run(run.run_id).status is RunStatus.QUEUED]
    for name in JOBS:
        assert sum(run.job == name for run in going) <= limits[0]
        # Of a job nobody overtakes: who waits comes after everybody who was started.
        took = [run.in_line for run in before if run.job == name and run.run_id in started]
        assert all(first < run.in_line for run in left if run.job == name for first in took)
    for limit in limits[1:]:
        assert limit is None or len(going) <= limit


def _end_one(world: MemoryWorld, at: int) -> None:
    going = [run for run in world.runs.active_runs() if run.status is not RunStatus.QUEUED]
    if going:
        run = going[at % len(going)]
        status = RunStatus.CANCELLED if run.cancel else RunStatus.SUCCESS
        world.runs.move(run.run_id, RunStatus.RUNNING)
        world.runs.move(run.run_id, status)


def test_a_request_without_a_wish_is_as_the_job_has_it() -> None:
    """Only to be known again, it says which request made it: that makes it no other run."""
    job = replace(JOB, on_conflict="cancel_running")
    going = a_run(1, status=RunStatus.RUNNING, overrides=Overrides(request="digest/attempt"))
    new = a_run(9, "cancel_running", overrides=Overrides(request="digest/other"))
    assert set(enter(new, job, [going]).run.causes) == {cause_of(1), cause_of(9)}
    for wish in (
        Overrides(steps=True),
        Overrides(threads=2),
        Overrides(vars='{"a": 1}'),
        Overrides(git_ref="x"),
    ):
        assert enter(new, job, [replace(going, overrides=wish)]).run.causes == (cause_of(9),)


def test_whoever_runs_is_stopped_however_many_wait() -> None:
    waiting = [a_run(number, "queue_all") for number in range(2, MOST_SUPERSEDED + 9)]
    entry = enter(a_run(999, "cancel_running"), JOB, [a_run(1, status=RunStatus.RUNNING), *waiting])
    assert [run.run_id for run in entry.stopped] == [1]
    assert len(entry.superseded) == MOST_SUPERSEDED - 1
