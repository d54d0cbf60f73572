"""S3's events as EventBridge gives them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.adapters.webhooks.s3 import read
from tests.senders import recorded_body

EVENT = json.loads(recorded_body("s3_object_created_eventbridge.json"))


def changed(**changes: Any) -> dict[str, Any]:
    return {**EVENT, "detail": {**EVENT["detail"], "object": {**EVENT["detail"]["object"], **changes}}}


def test_an_object_that_was_created() -> None:
    found = read(EVENT)
    assert found is not None
    event_id, signal, detail = found
    assert event_id == "s3/acme-landing/orders/dt=2026-11-22/_SUCCESS/00617F08299329D189" == signal.event_id
    assert (signal.kind, signal.origin, signal.names) == ("s3", "acme-landing", ("acme-landing",))
    assert signal.attributes["key"] == "orders/dt=2026-11-22/_SUCCESS"
    assert detail == "s3://acme-landing/orders/dt=2026-11-22/_SUCCESS, 0 bytes"


def test_the_same_key_written_again_is_another_event() -> None:
    ids = {read(event)[0] for event in (EVENT, EVENT, changed(sequencer="00617F08299329D18A"))}  # type: ignore[index]
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["a b+c", "größe/\u2028", "x" * 1024, "a\nb"])
def test_any_key_makes_an_id_that_a_record_can_have(key: str) -> None:
    event_id, signal, _ = read(changed(key=key))  # type: ignore[misc]
    assert (len(event_id) < 500, event_id.isascii(), event_id.isprintable()) == (True, True, True)
    assert signal.attributes["key"] == key


@pytest.mark.parametrize(
    "event",
    [{}, {"source": "headgate", "detail-type": "ConnectorSynced"}, {**EVENT, "detail-type": "Object Deleted"},
     {**EVENT, "detail": None}, {**EVENT, "detail": {"bucket": {"name": ""}}}, changed(key="")],
)  # fmt: skip
def test_everything_else_is_none(event: dict[str, Any]) -> None:
    assert read(event) is None
