"""logs and events list: what is shown of what was written."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.domain.events import ConnectorSynced, ScheduleFired, SignalReceived
from headgate.domain.gate import Awaited, Gate
from headgate.domain.gate_state import emptied
from headgate.domain.job import Job, JobsFile
from headgate.usecases.match_triggers import match_triggers


def line(second: int, runner: int, node: str | None, level: str, message: str) -> dict[str, Any]:
    at = f"2026-01-01T06:00:0{second}+00:00"
    return {"at": at, "runner": runner, "node": node, "level": level, "message": message}


LINES = [
    line(2, 2, "model.shop.fct_orders", "error", "boom [x]"),
    line(1, 1, None, "info", "dbt started"),
    line(3, 1, "model.shop.stg_payments", "debug", "sql"),
]


@pytest.fixture
def logged(play: Any, world: Any) -> None:
    played = play()
    played.plan()
    world.artifacts.append_log(1, 1, 1, 1, LINES)


@pytest.mark.usefixtures("logged")
def test_the_whole_log_by_time(headgate: Any) -> None:
    result = headgate("logs", "1")
    assert result.exit_code == 0
    assert [line.split("r1 ")[-1].split("r2 ")[-1] for line in result.stdout.splitlines()] == [
        "dbt started",
        "fct_orders  boom [x]",
    ]


@pytest.mark.usefixtures("logged")
def test_one_node_s_log(headgate: Any, asked: Any) -> None:
    assert headgate("logs", "latest", "fct_orders").stdout.splitlines()[0].endswith("fct_orders  boom [x]")
    found = asked("logs", "1", "model.shop.stg_payments", "--level", "debug")
    assert [line["message"] for line in found["lines"]] == ["sql"]
    missing = headgate("logs", "1", "fct_ordres")
    assert (missing.exit_code, "Did you mean fct_orders?" in missing.stderr) == (5, True)


@pytest.mark.usefixtures("logged")
def test_a_wrong_level(headgate: Any) -> None:
    assert headgate("logs", "1", "--level", "loud").exit_code == 2


def test_nothing_logged_yet(headgate: Any, play: Any) -> None:
    play()
    assert "nothing was logged yet" in headgate("logs", "1").stderr


def test_events(headgate: Any, asked: Any, world: Any, clock: Any) -> None:
    assert "no event has arrived yet" in headgate("events", "list").stderr
    for name in ("a", "b"):
        world.events.record(
            f"fivetran/default/{name}/1/sync_end", {"provider": "fivetran", "detail": "sync_end SUCCESSFUL"}
        )
        world.events.mark(f"fivetran/default/{name}/1/sync_end", "published")
        clock.advance(1)
    shown = headgate("events", "list").stdout.splitlines()
    assert [line.split()[3].split("/")[2] for line in shown[1:]] == ["b", "a"]
    assert "published" in shown[1]
    assert "sync_end SUCCESSFUL" in shown[1]
    assert [event["outcome"] for event in asked("events", "list", "--limit", "1")["events"]] == ["published"]


# Why an event started, or did not start, a run


def synced(connector: str, number: int = 1) -> ConnectorSynced:
    return ConnectorSynced(
        event_id=f"fivetran/default/{connector}/{number}/sync_end",
        provider="fivetran",
        origin="default",
        connector_id=connector,
        sync_id=str(number),
        occurred_at="2025-12-31T23:59:00Z",
    )


def arrive(world: Any, event: ConnectorSynced | SignalReceived) -> None:
    said = {"detail-type": event.detail_type(), "detail": event.model_dump(mode="json")}
    provider = getattr(event, "provider", None) or getattr(event, "kind", "")
    detail = {"provider": provider, "origin": event.origin, "detail": "sync_end SUCCESSFUL", "event": said}
    world.events.record(event.event_id, detail)
    world.events.mark(event.event_id, "published")
    match_triggers(event, world)


def waiting_for_both(world: Any) -> None:
    awaits = (Awaited("fivetran", "stripe"), Awaited("fivetran", "salesforce"))
    both = Job("both", "production", ("dbt build",), gates=(Gate("fivetran", awaits, needed=2),))
    file = JobsFile((), (both,), (), origin="other.yml")
    world.jobs.apply(file)


def test_an_event_that_started_a_run_is_explained(headgate: Any, asked: Any, world: Any) -> None:
    waiting_for_both(world)
    arrive(world, synced("stripe"))
    shown = headgate("events", "explain", "fivetran/default/stripe/1/sync_end")
    assert shown.exit_code == 0
    for told in (
        "from      fivetran/default",
        "verified  by its signature (HMAC-SHA256 of the body)",
        "what      sync_end SUCCESSFUL",
        "outcome   published: it led to run 1 (finance)",
        "finance  started run 1  … queued",
        "both  waits: 1 of 2, missing salesforce",
    ):
        assert told in shown.stdout, told
    assert "headgate runs view 1" in shown.stderr
    found = asked("events", "explain", "stripe")
    assert [(one["job"], one["run_id"], one["status"]) for one in found["decided"]] == [
        ("both", None, ""),
        ("finance", 1, "queued"),
    ]
    assert found["event"]["event_id"] == "fivetran/default/stripe/1/sync_end"
    assert "finance: run 1" in headgate("events", "list").stdout


def test_what_was_said_then_is_told_with_how_it_stands_now(asked: Any, world: Any) -> None:
    waiting_for_both(world)
    arrive(world, synced("stripe", 1))
    arrive(world, synced("salesforce"))
    [both] = [one for one in asked("events", "explain", "stripe/1")["decided"] if one["job"] == "both"]
    assert (both["run_id"], both["text"]) == (2, "started run 2: gate fivetran, 2 of 2: stripe, salesforce")
    arrive(world, synced("salesforce", 2))
    world.jobs.apply(JobsFile((), (), (), origin="other.yml"))
    waiting_for_both(world)
    world.gates.replace(emptied(world.gates.state("both", "fivetran")))
    [both] = asked("events", "explain", "salesforce/2")["decided"]
    assert both["text"] == "waits: 1 of 2, missing stripe"
    assert both["now"].startswith("it waits no more")


def test_an_event_that_nobody_waits_for_is_told_with_what_is_called_alike(
    headgate: Any, asked: Any, world: Any
) -> None:
    arrive(world, synced("Strype"))
    shown = headgate("events", "explain", "Strype").stdout
    assert "it started no run: no job waits for it" in shown
    assert "finance waits for stripe, and this is Strype" in shown
    pushes = Gate("github", (Awaited("github", "org/shop", {"branch": ("main",), "event": ("push",)}),))
    job = Job("ci", "production", ("dbt build",), gates=(pushes,))
    world.jobs.apply(JobsFile((), (job,), (), origin="other.yml"))
    push = SignalReceived(
        event_id="github/1",
        kind="github",
        origin="default",
        names=("org/shop",),
        attributes={"event": "push", "branch": "feature"},
    )
    arrive(world, push)
    assert asked("events", "explain", "github/1")["near"] == [
        "ci waits for org/shop with branch main, and this is feature"
    ]


def test_an_event_that_starts_nothing_says_so(headgate: Any, world: Any) -> None:
    world.events.record("fivetran/default/a/1/sync_start", {"provider": "fivetran", "detail": "sync_start"})
    world.events.mark("fivetran/default/a/1/sync_start", "ignored")
    assert "events of this kind start nothing" in headgate("events", "explain", "sync_start").stdout
    refused = headgate("events", "replay", "sync_start")
    assert (refused.exit_code, "there is nothing to publish again" in refused.stderr) == (2, True)


def test_which_event_is_meant(headgate: Any, world: Any) -> None:
    for name in ("stripe", "stride"):
        arrive(world, synced(name))
    several = headgate("events", "explain", "str")
    assert (several.exit_code, "a part of 2 events" in several.stderr) == (2, True)
    unknown = headgate("events", "explain", "fivetran/default/strippe/1/sync_end")
    assert unknown.exit_code == 5
    assert "did you mean fivetran/default/stripe/1/sync_end" in unknown.stderr
    assert headgate("events", "explain", "stripe/1").exit_code == 0


def test_a_replayed_event_starts_what_it_should_have_and_nothing_twice(
    headgate: Any, asked: Any, world: Any
) -> None:
    world.activities.pause("finance", "by ana")
    arrive(world, synced("stripe"))
    assert "starts nothing: paused by ana" in headgate("events", "explain", "stripe").stdout
    world.activities.resume("finance")
    for _ in range(2):
        assert asked("events", "replay", "stripe") == {
            "schema_version": 1,
            "event_id": "fivetran/default/stripe/1/sync_end",
        }
        assert world.bus.published[-1] == synced("stripe")
        match_triggers(world.bus.published[-1], world)
    assert len(world.runs.list_runs()) == 1
    assert "replayed: it led to run 1 (finance)" in headgate("events", "explain", "stripe").stdout


def test_an_event_that_happens_again_starts_once_more(headgate: Any, asked: Any, world: Any) -> None:
    arrive(world, synced("stripe"))
    event_id = asked("events", "replay", "--again", "stripe")["event_id"]
    assert event_id.startswith("fivetran/default/stripe/1/sync_end/again/")
    match_triggers(world.bus.published[-1], world)
    assert len(world.runs.list_runs()) == 2
    assert world.events.get(event_id)["detail"]["event"]["detail"]["occurred_at"].startswith("2026-01-01")
    match_triggers(ScheduleFired(job="nightly", scheduled_time="2026-01-30T05:00:00Z"), world)
    refused = headgate("events", "replay", "schedule/nightly", "--again")
    assert (refused.exit_code, "headgate run JOB" in refused.stderr) == (2, True)
    assert headgate("events", "replay", "schedule/nightly").exit_code == 0
