"""What `--state` stands for, and what the end of a run leaves for it: successes, and what source freshness saw."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.command import Command
from headgate.domain.run import Run, RunStatus
from headgate.domain.selection.earlier import Earlier
from headgate.domain.sync import Observation
from headgate.errors import NotFoundError, PlanError
from headgate.usecases.read_earlier import ReadEarlier, reference_of
from tests.builders import make_index, make_node
from tests.whole_runs import build, dispatch, finalizer, plan, session, start

NO_VARS = "44136fa355b3678a"
SOURCE = "source.shop.raw.o"
OLD, NEW = "a" * 64, "d" * 64
LINE = "dbt build --select state:new result:error source_status:fresher --state production"


def finish(world: MemoryWorld, job: str = "finance", failing: str = "", key: str = "") -> Run:
    run = start(world, job, key or f"k{len(world.runs.list_runs(99))}")
    dispatch(world)
    plan(world, 1, run.run_id)
    build(session(world, run_id=run.run_id), failing=frozenset({failing}))
    finalizer(world)(run.run_id, 1)
    return world.runs.get_run(run.run_id)


def sources(at: str, **fields: Any) -> bytes:
    entry = {"unique_id": SOURCE, "max_loaded_at": at, "snapshotted_at": "2026-01-31T06:00:00Z", **fields}
    failed = {"unique_id": "source.shop.raw.p", "error": "no such table", "status": "runtime error"}
    return json.dumps({"results": [entry, failed]}).encode()


def read(world: MemoryWorld, line: str = LINE, step: int = 1) -> Earlier | None:
    run = start(world, "finance", f"now{len(world.runs.list_runs(99))}")
    command = Command.parse(line)
    return ReadEarlier(world.runs, world.bundles, world.artifacts).of(
        reference_of(command, world.jobs, "production"), run, step, command, make_index()
    )


def test_a_run_that_succeeds_is_what_its_environment_is_referred_to_by(world: MemoryWorld) -> None:
    with pytest.raises(NotFoundError):
        world.jobs.last_success("production")
    assert finish(world).status is RunStatus.SUCCESS
    assert world.jobs.last_success("production") == (NEW, 1)
    assert finish(world, failing="left").status is RunStatus.ERROR
    assert world.jobs.last_success("production") == (NEW, 1)


def test_the_last_success_counts_and_not_what_is_published_since(world: MemoryWorld) -> None:
    finish(world)
    world.jobs.point_at("production", OLD)
    found = reference_of(Command.parse("dbt build --state production"), world.jobs, "ci")
    assert found is not None
    assert (found.bundle, found.run_id, found.notes) == (NEW, 1, ())


def test_without_a_success_it_is_what_is_published_and_says_so(world: MemoryWorld) -> None:
    found = reference_of(Command.parse("dbt build --state production"), world.jobs, "ci")
    assert found is not None
    assert (found.bundle, found.run_id) == (NEW, 0)
    assert "no run of it has succeeded yet" in found.notes[0]
    with pytest.raises(PlanError, match="--state staging: nothing was published"):
        reference_of(Command.parse("dbt build --state staging"), world.jobs, "ci")
    assert reference_of(Command.parse("dbt build"), world.jobs, "ci") is None


def test_the_manifest_is_of_the_last_success_and_results_of_the_latest_run(world: MemoryWorld) -> None:
    finish(world)
    finish(world, failing="left")
    found = read(world)
    assert found is not None
    assert found.index is not None
    assert set(found.index.nodes) == {f"model.shop.{name}" for name in ("raw", "left", "right", "joined")}
    assert found.statuses is not None
    assert found.statuses["model.shop.left"] == "error"
    assert (found.sources, found.sources_now) == (None, None)


def test_a_run_that_left_no_results_is_looked_past(world: MemoryWorld) -> None:
    finish(world, failing="left")
    cancelled = start(world, "nightly", "c")
    world.runs.move(cancelled.run_id, RunStatus.CANCELLED)
    found = read(world)
    assert found is not None
    assert found.statuses is not None
    assert found.statuses["model.shop.left"] == "error"


def test_sources_are_compared_as_they_were_then_and_as_this_run_saw_them(world: MemoryWorld) -> None:
    first = finish(world)
    world.artifacts.put(first.run_id, 1, "sources.json", sources("2026-01-30T01:00:00Z"))
    other = finish(world, failing="left")
    world.artifacts.put(other.run_id, 1, "sources.json", sources("2026-01-31T01:00:00Z"))
    found = read(world)
    assert found is not None
    assert found.sources == {SOURCE: "2026-01-30T01:00:00Z"}
    assert found.sources_now == {SOURCE: "2026-01-31T01:00:00Z"}
    run_id = world.runs.list_runs(1)[0].run_id + 1
    world.artifacts.put(run_id, 1, "sources.json", sources("2026-02-01T01:00:00Z"))
    found = read(world, step=2)
    assert found is not None
    assert found.sources_now == {SOURCE: "2026-02-01T01:00:00Z"}


def test_nothing_is_read_where_nothing_is_compared(world: MemoryWorld) -> None:
    finish(world)
    assert read(world, "dbt build --select tag:x --defer --state production") is None


def test_a_lost_bundle_of_the_last_success_says_what_to_do(world: MemoryWorld) -> None:
    world.jobs.record_success("production", OLD, 7)
    with pytest.raises(PlanError, match="headgate publish --environment production"):
        read(world)


def test_what_source_freshness_saw_is_remembered_whatever_became_of_the_step(world: MemoryWorld) -> None:
    from tests.unit.usecases.test_plan_run import steps

    index = make_index(make_node("model.shop.a"), make_node(SOURCE))
    world.bundles._files[NEW, f"{NO_VARS}/index.msgpack"] = index.encode()
    steps(world, "dbt source freshness")
    run = start(world, "own")
    dispatch(world)
    plan(world, 1, run.run_id)
    world.artifacts.put(run.run_id, 1, "sources.json", sources("2026-01-31T05:00:00+00:00"))
    finalizer(world)(run.run_id, 1, "States.Timeout: took too long")
    assert world.freshness.observations("production") == {
        SOURCE: Observation(SOURCE, 1_769_835_600.0, 1_769_839_200.0)
    }
