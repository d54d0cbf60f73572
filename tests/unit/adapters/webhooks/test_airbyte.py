"""Airbyte's wire format: nothing is signed, the address is the secret, and most messages are no completion."""

from __future__ import annotations

import json

import pytest

from headgate.adapters.webhooks import airbyte_api
from headgate.adapters.webhooks.airbyte import TEXT_ONLY, AirbyteWebhook
from headgate.domain.events import ConnectorSynced
from headgate.domain.inbound import Delivery, InboundEvent
from headgate.errors import WebhookError
from tests.senders import NOW, SECRET, recorded, recorded_body

SUCCESS = recorded_body("airbyte_sync_success.json")
CONNECTION = "64d901a1-2520-4d91-93c8-9df438668ff0"
webhook = AirbyteWebhook()


def body(**changes: object) -> bytes:
    message = json.loads(SUCCESS)
    return json.dumps({**message, "data": {**message["data"], **changes}}).encode()


def read(raw: bytes) -> InboundEvent:
    return webhook.read(Delivery("default", {}, raw, SECRET), NOW)


def test_the_token_in_the_address_is_the_only_proof() -> None:
    sent = recorded("airbyte_sync_success.json").delivery
    assert webhook.is_authentic(sent, SECRET, NOW)
    for token in ("", SECRET[:-1], SECRET + "x", SECRET.upper(), "\u2028"):
        assert not webhook.is_authentic(Delivery("default", sent.headers, sent.body, token), SECRET, NOW)


def test_the_token_is_never_shown() -> None:
    assert SECRET not in repr(recorded("airbyte_sync_success.json"))


def test_a_successful_sync_is_handed_on() -> None:
    event = read(SUCCESS)
    assert isinstance(event.event, ConnectorSynced)
    assert (event.event.provider, event.event.connector_id) == ("airbyte", CONNECTION)
    assert (event.event.connector_name, event.event.sync_id) == ("Shop PG -> Snowflake", "9988")
    assert (event.event.occurred_at, event.event.new_data) == ("2026-11-22T18:31:00Z", True)
    assert event.event_id == f"airbyte/default/{CONNECTION}/9988/true"


def test_what_is_null_is_as_good_as_missing() -> None:
    message = json.loads(SUCCESS)
    connection = {**message["data"]["connection"], "name": None}
    raw = json.dumps({"text": None, "data": {**message["data"], "connection": connection}}).encode()
    assert read(raw).event_id == read(SUCCESS).event_id
    assert read(b'{"text": null, "data": null}').detail == TEXT_ONLY


def test_a_sync_without_records_is_a_sync_and_says_so() -> None:
    event = read(body(recordsCommitted=0))
    assert isinstance(event.event, ConnectorSynced)
    assert (event.event.new_data, "committed no records" in event.detail) == (False, True)


@pytest.mark.parametrize(
    ("raw", "told", "is_test"),
    [
        (recorded_body("airbyte_sync_failure.json"),
         "sync 9988 of Shop PG -> Snowflake failed: Something failed", False),
        (body(finishedAt=None), "sync 9988 of Shop PG -> Snowflake is queued", False),
        (body(finishedAt=None, success=False), "sync 9988 of Shop PG -> Snowflake is queued", False),
        (b'{"text": "Your connection x succeeded", "blocks": []}', TEXT_ONLY, False),
        (b'{"text": "schema changed", "data": null}', TEXT_ONLY, False),
        (b"{}", TEXT_ONLY, False),
        (recorded_body("airbyte_test.json"), TEXT_ONLY, True),
    ],
    ids=["failure", "queued", "queued, no success", "old", "null", "nothing", "test"],
)  # fmt: skip
def test_everything_else_starts_nothing_and_says_what_it_was(raw: bytes, told: str, is_test: bool) -> None:
    event = read(raw)
    assert (event.event, event.detail, event.is_test) == (None, told, is_test)


def test_queued_failed_and_ended_are_three_events_of_one_sync() -> None:
    ids = {read(body(**changes)).event_id for changes in ({}, {"success": False}, {"finishedAt": None})}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"connection": None}, "data.connection"),
        ({"connection": {"id": ""}}, "data.connection.id"),
        ({"connection": {"id": "x" * 201}}, "data.connection.id"),
        ({"connection": {"id": "line\nend"}}, "data.connection.id"),
        ({"jobId": "9988"}, "data.jobId"),
        ({"jobId": -1}, "data.jobId"),
        ({"jobId": 2**63}, "data.jobId"),
        ({"success": "true"}, "data.success"),
        ({"finishedAt": 1}, "data.finishedAt"),
    ],
)
def test_malformed_bodies_are_named(changes: dict[str, object], field: str) -> None:
    with pytest.raises(WebhookError) as refusal:
        read(body(**changes))
    assert (refusal.value.status, field in str(refusal.value)) == (400, True)


@pytest.mark.parametrize("url", ["http://airbyte.example.com", "file:///etc/passwd", "127.0.0.1"])
def test_an_api_that_cannot_be_asked_lets_the_message_come_again(url: str) -> None:
    with pytest.raises(WebhookError) as refusal:
        webhook.confirm(read(SUCCESS), {"api_url": url, "api_token": "t0ken"})
    assert refusal.value.status == 503


def test_nobody_is_asked_about_what_starts_nothing_or_where_nobody_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(airbyte_api, "_job", lambda *_: pytest.fail("asked"))
    webhook.confirm(read(body(success=False)), {"api_url": "http://127.0.0.1:1", "api_token": "t"})
    for values in ({}, {"api_url": "http://127.0.0.1:1"}, {"api_token": "t"}):
        webhook.confirm(read(SUCCESS), values)
