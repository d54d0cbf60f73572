"""Fivetran's wire format: recorded bodies and signatures, and everything a hostile sender may try."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.adapters.webhooks.fivetran import SIGNATURE_HEADER, FivetranWebhook, sign
from headgate.domain.inbound import Meaning
from headgate.errors import WebhookError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "webhooks"
RECORDED = json.loads((FIXTURES / "SIGNATURES.json").read_text())
SECRET = RECORDED["secret"]
NOW = 1_795_372_267.0  # 2026-11-22T18:31:07Z, the moment of the recorded bodies
SUCCESS = (FIXTURES / "fivetran_sync_end_success.json").read_bytes()
webhook = FivetranWebhook()


def body(**changes: object) -> bytes:
    return json.dumps({**json.loads(SUCCESS), **changes}).encode()


@pytest.mark.parametrize("name", sorted(RECORDED["files"]))
@pytest.mark.parametrize("change", [str, str.upper], ids=["as sent", "upper case"])
def test_recorded_signatures_are_accepted(name: str, change: type) -> None:
    signature = RECORDED["files"][name]["headers"]["X-Fivetran-Signature-256"]
    webhook.verify({SIGNATURE_HEADER: change(signature)}, (FIXTURES / name).read_bytes(), SECRET)


@pytest.mark.parametrize(
    "given_signature",
    [
        "",
        sign(SUCCESS, "another secret"),
        sign(SUCCESS, SECRET)[:-1],
        sign(SUCCESS, SECRET)[:-1] + "g",
        "not hex at all",
        "sha256=" + sign(SUCCESS, SECRET),
        "\u2028\U0001f984",
        sign(SUCCESS, SECRET) + "00",
    ],
)
def test_other_signatures_are_refused(given_signature: str) -> None:
    with pytest.raises(WebhookError) as refusal:
        webhook.verify({SIGNATURE_HEADER: given_signature}, SUCCESS, SECRET)
    assert refusal.value.status == 401
    assert str(refusal.value) == "signature refused"


def test_a_missing_signature_is_refused() -> None:
    with pytest.raises(WebhookError, match="signature refused"):
        webhook.verify({}, SUCCESS, SECRET)


@given(position=st.integers(0, len(SUCCESS) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_is_refused(position: int, bit: int) -> None:
    forged = bytearray(SUCCESS)
    forged[position] ^= 1 << bit
    with pytest.raises(WebhookError):
        webhook.verify({SIGNATURE_HEADER: sign(SUCCESS, SECRET)}, bytes(forged), SECRET)


def test_a_successful_sync_is_handed_on() -> None:
    event = webhook.read("default", SUCCESS, NOW)
    assert event.meaning is Meaning.SYNCED
    assert event.synced is not None
    assert (event.synced.connector_id, event.synced.connector_name) == ("assimilate_seem", "shop_pg")
    assert event.event_id == "fivetran/default/assimilate_seem/b4703f73-6315-4e22-8d7a-3bfb18b2fed2/sync_end"


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("fivetran_test_event.json", Meaning.TEST),
        ("fivetran_sync_start.json", Meaning.IGNORED),
        ("fivetran_sync_end_failure.json", Meaning.IGNORED),
        ("fivetran_sync_end_failure_with_task.json", Meaning.IGNORED),
        ("fivetran_sync_end_rescheduled.json", Meaning.IGNORED),
        ("fivetran_dbt_run_succeeded.json", Meaning.IGNORED),
    ],
)
def test_everything_else_starts_nothing(name: str, meaning: Meaning) -> None:
    event = webhook.read("default", (FIXTURES / name).read_bytes(), NOW)
    assert (event.meaning, event.synced) == (meaning, None)


def test_a_failed_and_a_successful_end_of_one_sync_are_two_events() -> None:
    # A type promotion sends both; the first must not make the second a duplicate.
    failed = webhook.read("default", body(data={"status": "FAILED"}), NOW)
    assert failed.event_id != webhook.read("default", SUCCESS, NOW).event_id


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
        webhook.read("default", raw, NOW)
    assert refusal.value.status == 400
    assert field in str(refusal.value)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    with pytest.raises(WebhookError):
        webhook.read("default", raw, NOW)
