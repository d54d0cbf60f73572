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
        }
        for number in (3, 2, 1)
    ]
    assert len(events.recent()) == 4


def test_an_unknown_event_cannot_be_marked(world: Any) -> None:
    with pytest.raises(NotFoundError):
        world.events.mark("never", "published")
    assert world.events.record("never", DETAIL)


def test_events_are_forgotten_after_seven_days(moto: MotoStage) -> None:
    moto.world.events.record("e1", DETAIL)
    (item,) = boto3.client("dynamodb").scan(TableName="headgate-table")["Items"]
    assert int(item["expires_at"]["N"]) == int(moto.clock.now()) + 7 * 86_400
