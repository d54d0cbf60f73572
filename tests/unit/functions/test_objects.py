"""Objects in buckets: S3 tells at least once and in any order, each object starts its jobs once."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from functions.match_triggers import app
from headgate.adapters.memory import MemoryWorld
from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import Environment, Job, JobsFile
from headgate.errors import UnavailableError
from tests.senders import recorded_body
from tests.unit.functions.conftest import CONTEXT

EVENT = json.loads(recorded_body("s3_object_created_eventbridge.json"))


def created(sequencer: str = "1", key: str = "orders/dt=2026-11-22/_SUCCESS") -> dict[str, Any]:
    made = {**EVENT["detail"]["object"], "key": key, "sequencer": sequencer}
    return {**EVENT, "detail": {**EVENT["detail"], "object": made}}


@pytest.fixture
def landing(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    """A job that waits for the marks of complete days."""
    gate = Gate("s3", (Awaited("s3", "acme-landing", {"key": ("orders/*/_SUCCESS",)}),))
    job = Job("orders", "production", ("dbt build",), gates=(gate,))
    world.jobs.apply(JobsFile((Environment("production", "prod", "a"),), (job,), (), origin="landing"))
    monkeypatch.setattr(app, "world", lambda: world)
    return world


def test_an_object_starts_the_job_that_waits_for_its_key_once(landing: MemoryWorld) -> None:
    events = [created(str(number)) for number in range(20)] * 3
    Random(8).shuffle(events)
    for event in events:
        app.handler(event, CONTEXT)
    assert len(landing.runs.list_runs(100)) == len(landing.events.recent(100)) == 20
    run = landing.runs.list_runs(1)[0]
    assert (run.cause.kind, run.cause.key.startswith("s3/acme-landing/orders/")) == ("s3", True)


def test_another_key_is_kept_and_starts_nothing(landing: MemoryWorld) -> None:
    assert app.handler(created(key="orders/part-1.csv"), CONTEXT) == {"runs": []}
    [kept] = landing.events.recent()
    assert (kept["outcome"], kept["detail"]["provider"], kept["detail"]["origin"]) == (
        "unmapped", "s3", "acme-landing",
    )  # fmt: skip


def test_an_object_whose_run_could_not_be_announced_is_not_forgotten(landing: MemoryWorld) -> None:
    publish = landing.bus.publish
    landing.bus.publish = _down  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        app.handler(created(), CONTEXT)
    landing.bus.publish = publish  # type: ignore[method-assign]
    for _ in range(2):
        assert app.handler(created(), CONTEXT) == {"runs": [1]}


def test_what_is_no_object_starts_nothing(landing: MemoryWorld) -> None:
    assert app.handler({**created(), "detail": {"bucket": {}}}, CONTEXT) == {"runs": []}
    assert landing.events.recent() == []


def _down(*_: object) -> None:
    raise UnavailableError("the bus does not answer")
