"""EventLog: an event counts as known only when it was handed on; a crash between the two loses nothing."""

from typing import Any

import boto3
import pytest

from headgate.errors import NotFoundError
from tests.contract.conftest import MotoStage, Stage

DETAIL = {
    "connector_id": "stripe",
    "payload": {"ratio": 0.25, "rows": 3, "nothing": None, "list": [1, "zwei"]},
}


def test_an_event_is_new_until_it_was_handed_on(world: Any) -> None:
    assert world.events.record("e1", DETAIL)
    assert world.events.record("e1", DETAIL), "stored before, but whoever stored it died before handing it on"
    world.events.mark("e1", "published")
    assert not world.events.record("e1", DETAIL)


@pytest.mark.parametrize("outcome", ["published", "ignored", "unmapped"])
def test_every_outcome_counts_as_handed_on(world: Any, outcome: str) -> None:
    world.events.record("e1", DETAIL)
    world.events.mark("e1", outcome)
    assert not world.events.record("e1", {"other": True})
    assert world.events.recent()[0]["outcome"] == outcome
    assert world.events.recent()[0]["detail"] == DETAIL


def test_recent_events_come_newest_first_with_what_became_of_them(stage: Stage) -> None:
    events = stage.world.events
    for number in range(4):
        events.record(f"e{number}", {**DETAIL, "number": number})
        stage.clock.advance(60)
    events.mark("e2", "unmapped")
    events.record("e0", DETAIL)
    assert events.recent(3) == [
        {
            "event_id": f"e{number}",
            "received_at": f"2026-01-01T00:0{number}:00.000+00:00",
            "outcome": "unmapped" if number == 2 else "received",
            "detail": {**DETAIL, "number": number},
            "notes": [],
        }
        for number in (3, 2, 1)
    ]
    assert len(events.recent()) == 4


def test_an_unknown_event_cannot_be_marked(world: Any) -> None:
    with pytest.raises(NotFoundError):
        world.events.mark("never", "published")
    assert world.events.record("never", DETAIL)


def test_what_was_decided_is_kept_with_the_event(stage: Stage) -> None:
    events = stage.world.events
    events.record("e/1", DETAIL)
    events.note("e/1", "ünïcode-job", "waits: 1 of 2, missing stripe")
    stage.clock.advance(60)
    events.note("e/1", "core.load", "started run 7", 7)
    notes = [
        {"job": "core.load", "text": "started run 7", "run_id": 7, "at": "2026-01-01T00:01:00.000+00:00"},
        {
            "job": "ünïcode-job",
            "text": "waits: 1 of 2, missing stripe",
            "run_id": None,
            "at": "2026-01-01T00:00:00.000+00:00",
        },
    ]
    assert events.get("e/1")["notes"] == notes
    assert events.recent()[0] == events.get("e/1")
    assert events.get("e/1")["detail"] == DETAIL


def test_the_last_note_of_a_job_holds_but_a_run_is_never_forgotten(world: Any) -> None:
    world.events.record("e", DETAIL)
    for text, run_id in (("waits", None), ("opens at 06:05", None), ("started run 7", 7), ("waits", None)):
        world.events.note("e", "finance", text, run_id)
    assert [(note["text"], note["run_id"]) for note in world.events.get("e")["notes"]] == [
        ("started run 7", 7)
    ]
    world.events.note("e", "finance", "started run 8", 8)
    assert [note["run_id"] for note in world.events.get("e")["notes"]] == [8]
    world.events.mark("e", "published")
    assert not world.events.record("e", {"other": True})
    assert [note["run_id"] for note in world.events.get("e")["notes"]] == [8]


def test_of_an_event_that_is_not_known_nothing_is_kept(world: Any) -> None:
    world.events.note("never", "finance", "started run 1", 1)
    with pytest.raises(NotFoundError):
        world.events.get("never")
    assert world.events.recent() == []
    world.events.record("never", DETAIL)
    assert world.events.get("never")["notes"] == []


def test_events_are_forgotten_after_seven_days(moto: MotoStage) -> None:
    moto.world.events.record("e1", DETAIL)
    (item,) = boto3.client("dynamodb").scan(TableName="headgate-table")["Items"]
    assert int(item["expires_at"]["N"]) == int(moto.clock.now()) + 7 * 86_400
