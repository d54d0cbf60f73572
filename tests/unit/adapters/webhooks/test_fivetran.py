"""Fivetran's wire format: recorded bodies and signatures, and everything a hostile sender may try."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.adapters.webhooks.fivetran import FivetranWebhook
from headgate.domain.events import ConnectorSynced
from headgate.domain.inbound import Delivery, InboundEvent
from headgate.errors import WebhookError
from tests.senders import NOW, SECRET, of, recorded, recorded_body

SUCCESS = recorded_body("fivetran_sync_end_success.json")
SYNC = "fivetran/default/assimilate_seem/b4703f73-6315-4e22-8d7a-3bfb18b2fed2/sync_end"
webhook = FivetranWebhook()


def body(**changes: object) -> bytes:
    return json.dumps({**json.loads(SUCCESS), **changes}).encode()


def read(raw: bytes) -> InboundEvent:
    return webhook.read(Delivery("default", {}, raw), NOW)


@pytest.mark.parametrize("name", of("fivetran"))
@pytest.mark.parametrize("change", [str, str.upper], ids=["as sent", "upper case"])
def test_recorded_signatures_are_accepted(name: str, change: type) -> None:
    sent = recorded(name)
    signature = sent.delivery.headers["x-fivetran-signature-256"]
    assert webhook.is_authentic(
        sent.with_header("x-fivetran-signature-256", change(signature)).delivery, SECRET, NOW
    )


def test_a_successful_sync_is_handed_on() -> None:
    event = read(SUCCESS)
    assert isinstance(event.event, ConnectorSynced)
    assert (event.event.connector_id, event.event.connector_name) == ("assimilate_seem", "shop_pg")
    assert (event.event_id, event.event.event_id) == (SYNC, SYNC)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fivetran_sync_start.json", "sync_start of shop_pg"),
        ("fivetran_sync_end_failure.json", "sync_end FAILURE of shop_pg: Teleport Sync Error"),
        (
            "fivetran_sync_end_failure_with_task.json",
            "sync_end FAILURE_WITH_TASK of shop_pg: reconnect, FATAL: too many connections for role",
        ),
        (
            "fivetran_sync_end_rescheduled.json",
            "sync_end RESCHEDULED of shop_pg: Rate limited; next attempt scheduled",
        ),
        ("fivetran_dbt_run_succeeded.json", "dbt_run_succeeded of abc"),
    ],
)
def test_everything_else_is_recorded_with_its_reason_and_starts_nothing(name: str, told: str) -> None:
    event = read(recorded_body(name))
    assert (event.is_test, event.event) == (False, None)
    assert event.detail.startswith(told)


@pytest.mark.parametrize(
    "event",
    ["pause_connector", "resume_connector", "edit_connector", "delete_connector", "create_connector",
     "connection_failure", "transformation_run_failed", "resync_table", "status", "something_new"],
)  # fmt: skip
def test_events_of_other_shapes_are_taken_since_a_refusal_would_switch_the_webhook_off(event: str) -> None:
    # What is not about a sync happens again and again; each time is an event.
    one, two = (
        read(json.dumps({"event": event, "created": f"2026-11-22T1{hour}:00:00Z", "data": [hour]}).encode())
        for hour in (6, 7)
    )
    assert (one.event, one.is_test, one.event_id != two.event_id) == (None, False, True)


@pytest.mark.parametrize("changes", [{"event": "test_event"}, {"sync_id": "", "data": None}, {"sync_id": ""}])
def test_a_test_starts_nothing_and_leaves_nothing(changes: dict[str, object]) -> None:
    assert (read(body(**changes)).is_test, read(recorded_body("fivetran_test_event.json")).is_test) == (
        True,
        True,
    )


def test_a_failed_and_a_successful_end_of_one_sync_are_two_events() -> None:
    # A type promotion sends both; the first must not make the second a duplicate.
    assert read(body(data={"status": "FAILED"})).event_id != read(SUCCESS).event_id


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"", "body"),
        (b"not json", "body"),
        (b"[]", "body"),
        (b"\xff\xfe{}", "body"),
        (b'{"event":' * 5_000, "body"),
        (b"[" * 100_000, "body"),
        (b'{"event":"sync_end","created":"2026-11-22T18:31:07Z"}', "connector_id"),
        (body(connector_id=7), "connector_id"),
        (body(connector_id=""), "connector_id"),
        (body(connector_id="x" * 201), "connector_id"),
        (body(connector_id="\u00e4"), "connector_id"),
        (body(sync_id="line\nend"), "sync_id"),
        (body(event=["sync_end"]), "event"),
        (body(data={"status": "x" * 201}), "data.status"),
        (body(data="SUCCESSFUL"), "data"),
        (body(data={"status": 1}), "data.status"),
        (body(created="yesterday"), "created"),
        (body(created="2026-11-21T17:00:00Z"), "created"),
    ],
)
def test_malformed_bodies_are_named(raw: bytes, field: str) -> None:
    with pytest.raises(WebhookError) as refusal:
        read(raw)
    assert refusal.value.status == 400
    assert field in str(refusal.value)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    with pytest.raises(WebhookError):
        read(raw)
