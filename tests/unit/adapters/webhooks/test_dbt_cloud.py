"""dbt Cloud's wire format: the end of a run starts something, once, by its status."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.adapters.webhooks.dbt_cloud import DbtCloudWebhook
from headgate.domain.events import SignalReceived
from headgate.domain.inbound import Delivery, InboundEvent
from headgate.errors import WebhookError
from tests.senders import NOW, SECRET, of, recorded, recorded_body

webhook = DbtCloudWebhook()
COMPLETED = recorded_body("dbt_job_run_completed.json")


def read(raw: bytes) -> InboundEvent:
    return webhook.read(Delivery("default", {}, raw), NOW)


def body(**changes: Any) -> bytes:
    return json.dumps({**json.loads(COMPLETED), **changes}).encode()


@pytest.mark.parametrize("name", of("dbt_job"))
def test_recorded_signatures_are_accepted(name: str) -> None:
    assert webhook.is_authentic(recorded(name).delivery, SECRET, NOW)


@pytest.mark.parametrize(
    ("name", "status"),
    [("dbt_job_run_completed.json", "success"), ("dbt_job_run_completed_failed.json", "error")],
)
def test_the_end_of_a_run_is_handed_on(name: str, status: str) -> None:
    event = read(recorded_body(name)).event
    assert isinstance(event, SignalReceived)
    assert (event.kind, event.names) == ("dbt_cloud", ("400102", "Daily build"))
    assert event.attributes == {"status": status, "run": "300000001"}
    assert event.event_id == "dbt_cloud/default/wev_2L6Z3l8uPedXKPq9D2nWbPIip7Z/job.run.completed"


def test_a_cancelled_run_says_so() -> None:
    data = {**json.loads(COMPLETED)["data"], "runStatusCode": 30, "runStatus": "Cancelled"}
    event = read(body(data=data)).event
    assert isinstance(event, SignalReceived)
    assert event.attributes["status"] == "cancelled"


@pytest.mark.parametrize("name", ["dbt_job_run_started.json", "dbt_job_run_errored.json"])
def test_the_other_events_are_recorded(name: str) -> None:
    event = read(recorded_body(name))
    assert (event.event, event.is_test, "Daily build" in event.detail) == (None, False, True)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (body(timestamp="2026-11-21T17:00:00.742843678Z"), "timestamp"),
        (body(timestamp="soon"), "timestamp"),
        (body(eventId=""), "eventId"),
        (body(data={}), "data.jobId"),
        (body(data=None), "data"),
    ],
)
def test_late_and_malformed_bodies_are_refused(raw: bytes, field: str) -> None:
    with pytest.raises(WebhookError) as refusal:
        read(raw)
    assert (refusal.value.status, field in str(refusal.value)) == (400, True)
