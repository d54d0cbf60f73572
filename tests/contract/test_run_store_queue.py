"""RunStore: a run takes the place of others in one transaction, and no limit is passed however many start at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3

from headgate.adapters.aws.table import to_item
from headgate.domain.job import Job
from headgate.domain.overrides import Overrides
from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.run_queue import Limits, Start
from tests.builders import fivetran_gate
from tests.contract.conftest import MotoStage, Stage

JOB = Job("finance", "production", ("dbt build",), gates=(fivetran_gate("stripe", "hubspot"),), priority=3)
BARE = replace(JOB, run=())
TABLE = "headgate-table"


def arrived(
    world: Any, key: str, *connectors: str, job: Job = JOB, policy: str = "queue_latest", **more: Any
) -> Run:
    cause = Cause("fivetran", key, "", connectors)
    run, made = world.runs.create_run(job, "d", cause, on_conflict=policy, **more)
    assert made
    return run


def told(world: Any) -> dict[int, tuple[str, int | None]]:
    return {run.run_id: (run.status.value, run.superseded_by) for run in world.runs.list_runs(500)}


def at_once(call: Any, arguments: list[Any], threads: int) -> list[Any]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, arguments))


def test_a_run_is_stored_with_all_that_it_answers_to(world: Any) -> None:
    overrides = Overrides("mine", 2, '{"day": 1}', "main")
    also = (Cause("airbyte", "a", "one", ("hubspot",)), Cause("schedule", "s"))
    run = arrived(world, "1", "stripe", job=BARE, also=also, overrides=overrides, policy="queue_all")
    assert (run.also, run.overrides, run.on_conflict, run.priority) == (also, overrides, "queue_all", 3)
    assert run.cause.connectors == ("stripe",)
    assert run.steps == ("dbt build --select connector:stripe+ connector:hubspot+",)
    assert world.runs.get_run(run.run_id) == world.runs.list_runs()[0] == run


def test_the_newer_run_takes_the_place_of_the_one_that_waits(stage: Stage) -> None:
    world = stage.world
    going = arrived(world, "1", "stripe", job=BARE)
    assert world.runs.take_slot(going)
    arrived(world, "2", "stripe", job=BARE, from_start=True)
    by_hand = arrived(world, "3", job=BARE, policy="queue_all")
    stage.clock.advance(5)
    new = arrived(world, "4", "hubspot", job=BARE)
    assert told(world) == {
        1: ("starting", None),
        2: ("cancelled", 4),
        3: ("queued", None),
        4: ("queued", None),
    }
    assert [cause.key for cause in new.causes] == ["4", "2"]
    assert (new.supersedes, new.place, new.from_start) == ((2,), 2, True)
    assert new.steps == ("dbt build --select connector:hubspot+ connector:stripe+",)
    over = world.runs.get_run(2)
    assert (over.error, over.finished_at) == ("superseded by run 4", "2026-01-01T00:00:05.000+00:00")
    assert world.runs.unannounced() == [over]
    assert [run.run_id for run in world.runs.active_runs()] == [1, 3, 4]
    assert sorted([by_hand, new], key=lambda run: run.in_line)[0] == new
    # What made it makes nothing more, whoever delivers it again.
    assert world.runs.create_run(BARE, "d", Cause("fivetran", "2"), on_conflict="queue_latest") == (
        over,
        False,
    )
    assert not world.runs.take_slot(over)


def test_of_many_that_come_at_once_one_waits_and_answers_to_all(world: Any) -> None:
    def come(number: int) -> Run:
        cause = Cause("fivetran", str(number), "", (f"c{number}",))
        run, _ = world.runs.create_run(BARE, "d", cause, on_conflict="queue_latest")
        return run  # type: ignore[no-any-return]

    at_once(come, list(range(8)), 4)
    [left] = world.runs.active_runs()
    assert {cause.key for cause in left.causes} == {str(number) for number in range(8)}
    assert all(f"connector:c{number}+" in left.steps[0] for number in range(8))
    assert len(world.runs.unannounced()) == 7


def test_a_start_and_a_newer_run_at_once_lose_nothing(world: Any) -> None:
    for number in range(3):
        job = replace(JOB, name=f"job{number}")
        old = arrived(world, "old", job=job)
        calls = [
            lambda old=old: world.runs.take_slot(old),
            lambda job=job: arrived(world, "new", job=job),
        ]
        taken, new = at_once(lambda call: call(), calls, 2)
        stored = world.runs.get_run(old.run_id)
        if taken:
            assert (stored.status, new.also) == (RunStatus.STARTING, ())
        else:
            assert (stored.superseded_by, new.also) == (new.run_id, (old.cause,))


def test_a_run_is_skipped_while_another_one_is_there(stage: Stage) -> None:
    world = stage.world
    assert arrived(world, "1", policy="queue_all").status is RunStatus.QUEUED
    skipped = arrived(world, "2", policy="skip")
    assert (skipped.status, skipped.error) == (
        RunStatus.CANCELLED,
        "skipped: run 1 was in progress (on_conflict: skip)",
    )
    assert world.runs.get_run(2) == skipped
    assert world.runs.unannounced() == [skipped]
    assert [run.run_id for run in world.runs.active_runs()] == [1]
    world.runs.move(1, RunStatus.CANCELLED)
    assert arrived(world, "3", policy="skip").status is RunStatus.QUEUED
    answers = at_once(
        lambda key: arrived(world, key, job=replace(JOB, name="x"), policy="skip"), list("abcd"), 4
    )
    assert sorted(run.status.value for run in answers) == ["cancelled"] * 3 + ["queued"]


def test_runs_in_progress_are_asked_to_stop_and_their_causes_kept(world: Any) -> None:
    going = arrived(world, "1", "stripe", job=BARE, policy="queue_all")
    assert world.runs.take_slot(going)
    world.runs.move(1, RunStatus.RUNNING)
    arrived(world, "2", "hubspot", job=BARE, policy="queue_all")
    new = arrived(world, "3", "stripe", job=BARE, policy="cancel_running")
    assert told(world) == {1: ("running", 3), 2: ("cancelled", 3), 3: ("queued", None)}
    assert world.runs.get_run(1).cancel == "for run 3, which takes its place (on_conflict: cancel_running)"
    assert {cause.key for cause in new.causes} == {"1", "2", "3"}
    assert not world.runs.request_cancel(1, "by ana")
    assert not world.runs.take_slot(new)
    world.runs.move(1, RunStatus.CANCELLED)
    assert world.runs.take_slot(new)


def test_a_hundred_starts_at_once_never_pass_the_limit(world: Any) -> None:
    """F21."""
    runs = [arrived(world, str(number), policy="queue_all") for number in range(100)]
    taken = at_once(lambda run: world.runs.take_slot(run, Limits(job=2)), runs, 8)
    assert sum(map(bool, taken)) == 2
    going = [run for run in world.runs.active_runs() if run.status is RunStatus.STARTING]
    assert len(going) == 2
    at_once(lambda run: world.runs.move(run.run_id, RunStatus.ERROR), going, 2)
    taken = at_once(lambda run: world.runs.take_slot(run, Limits(job=2)), runs[-8:], 8)
    assert sum(map(bool, taken)) == 2


def test_places_of_an_environment_and_of_the_stack_are_shared_by_jobs(world: Any) -> None:
    runs = {
        name: arrived(world, name, job=replace(JOB, name=name, environment=environment))
        for name, environment in (("a", "production"), ("b", "production"), ("c", "dev"), ("d", "test"))
    }
    limits = Limits(job=1, environment=1, account=2)
    assert [world.runs.take_slot(runs[name], limits) for name in "abcd"] == [
        Start.TAKEN,
        Start.ENVIRONMENT_FULL,
        Start.TAKEN,
        Start.ACCOUNT_FULL,
    ]
    assert world.runs.take_slot(runs["a"], limits) is Start.NOT_QUEUED
    world.runs.move(runs["a"].run_id, RunStatus.CANCELLED)
    assert world.runs.take_slot(runs["b"], limits)
    assert world.runs.take_slot(runs["d"], limits) is Start.ACCOUNT_FULL
    world.runs.move(runs["c"].run_id, RunStatus.ERROR)
    assert world.runs.take_slot(runs["d"], limits)


def test_who_holds_a_place_keeps_it_when_the_limit_sinks(world: Any) -> None:
    runs = [arrived(world, str(number), policy="queue_all") for number in range(5)]
    assert [bool(world.runs.take_slot(run, Limits(job=3))) for run in runs] == [True] * 3 + [False] * 2
    for left in (2, 1):
        assert world.runs.take_slot(runs[3], Limits(job=1)) is Start.JOB_FULL
        world.runs.move(left, RunStatus.ERROR)
    assert world.runs.take_slot(runs[3], Limits(job=1)) is Start.JOB_FULL
    world.runs.move(3, RunStatus.ERROR)
    assert world.runs.take_slot(runs[3], Limits(job=1))


def test_what_ends_a_run_counts_how_its_job_fares(world: Any) -> None:
    def end(key: str, status: RunStatus) -> int:
        run = arrived(world, key, policy="queue_all")
        world.runs.take_slot(run)
        world.runs.move(run.run_id, RunStatus.RUNNING)
        assert world.runs.move(run.run_id, status)
        assert not world.runs.move(run.run_id, RunStatus.ERROR), "it is over, and counted"
        return int(world.activities.activity("finance").failures)

    assert [end(str(number), RunStatus.ERROR) for number in range(2)] == [1, 2]
    assert end("cancelled", RunStatus.CANCELLED) == 2
    assert world.activities.deactivate("finance", 2, "2026-01-01T00:00:00+00:00")
    assert end("fine", RunStatus.SUCCESS) == 0
    assert not world.activities.activity("finance").is_off


def test_failures_at_once_are_all_counted(world: Any) -> None:
    runs = [arrived(world, str(number), policy="queue_all") for number in range(6)]
    at_once(lambda run: world.runs.move(run.run_id, RunStatus.ERROR), runs, 4)
    assert world.activities.activity("finance").failures == 6


# A version before wrote `job#<name>` / `slot` with the only run that held it, and runs without the newer fields.


def as_before(run: Run) -> None:
    """The run as that version left it, with its slot taken."""
    table = boto3.client("dynamodb")
    key = to_item({"pk": f"run#{run.run_id:012d}", "sk": "run"})
    item = table.get_item(TableName=TABLE, Key=key)["Item"]
    for name in ("also", "on_conflict", "priority", "supersedes", "place", "overrides", "held"):
        item.pop(name, None)
    table.put_item(TableName=TABLE, Item={**item, "status": {"S": "starting"}})
    slot = {"pk": f"job#{run.job}", "sk": "slot", "run_id": run.run_id, "taken_at": run.created_at}
    table.put_item(TableName=TABLE, Item=to_item(slot))


def slot(job: str) -> dict[str, Any] | None:
    answer = boto3.client("dynamodb").get_item(
        TableName=TABLE, Key=to_item({"pk": f"job#{job}", "sk": "slot"})
    )
    return answer.get("Item")


def test_a_run_that_a_version_before_started_gives_its_slot_back(moto: MotoStage) -> None:
    runs = moto.world.runs
    earlier, second, third = (arrived(moto.world, key, policy="queue_all") for key in "123")
    as_before(earlier)
    assert runs.get_run(1).on_conflict == "queue_all"
    assert runs.take_slot(second) is Start.JOB_FULL
    assert runs.take_slot(second, Limits(job=2))
    assert runs.take_slot(third, Limits(job=2)) is Start.JOB_FULL
    assert runs.move(1, RunStatus.SUCCESS)
    assert runs.take_slot(third, Limits(job=2))
    assert runs.move(2, RunStatus.SUCCESS)
    assert runs.move(3, RunStatus.SUCCESS)
    assert slot("finance") is None, "the version before starts the job again only without it"


def test_the_only_slot_of_a_version_before_is_freed_whole(moto: MotoStage) -> None:
    earlier = arrived(moto.world, "1", policy="queue_all")
    as_before(earlier)
    assert moto.world.runs.move(1, RunStatus.ERROR)
    assert slot("finance") is None
