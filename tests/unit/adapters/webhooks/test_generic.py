"""Receivers of headgate.yml: how they verify, and what they find in a body."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from headgate.adapters.webhooks.generic import GenericWebhook
from headgate.adapters.webhooks.readers import Readers
from headgate.domain.events import SignalReceived
from headgate.domain.inbound import Delivery, InboundEvent
from headgate.domain.receiver import Receiver
from headgate.errors import NotFoundError, WebhookError
from tests.senders import HEADER, HMAC, NOW, PLAIN, SECRET, STANDARD, recorded, signed, started, stored_secret

BODY = started("webhook/erp")


def read(receiver: Receiver, body: Any, headers: dict[str, str] | None = None) -> InboundEvent:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return GenericWebhook(receiver).read(Delivery(receiver.name, headers or {}, raw), NOW)


def signal(event: InboundEvent) -> SignalReceived:
    assert isinstance(event.event, SignalReceived)
    return event.event


@pytest.mark.parametrize("receiver", [PLAIN, HEADER, HMAC, STANDARD], ids=lambda receiver: receiver.auth)
def test_each_way_of_proving_it_takes_the_right_secret_only(receiver: Receiver) -> None:
    sender = f"webhook/{receiver.name}"
    sent, reader = signed(sender, BODY).delivery, GenericWebhook(receiver)
    assert reader.is_authentic(sent, stored_secret(sender), NOW)
    assert not reader.is_authentic(sent, stored_secret(sender, "another"), NOW)
    assert not reader.is_authentic(Delivery(receiver.name, {}, BODY), stored_secret(sender), NOW)


def test_the_recorded_header_is_accepted() -> None:
    receiver = Receiver("hightouch", auth="header", header="Authorization")
    sent = recorded("hightouch_sync_succeeded.json").delivery
    assert GenericWebhook(receiver).is_authentic(sent, SECRET, NOW)
    assert GenericWebhook(receiver).is_authentic(sent, f"Bearer {SECRET}", NOW)


def test_the_recorded_hmac_is_accepted_while_its_time_is_near() -> None:
    receiver = Receiver(
        "hex", auth="hmac", header="X-Signature-256", prefix="sha256=", timestamp_header="X-Timestamp"
    )
    sent, reader = recorded("hex_hmac_generic.json").delivery, None
    reader = GenericWebhook(receiver)
    for late, expected in ((0, True), (300, True), (-300, True), (301, False), (-301, False)):
        assert reader.is_authentic(sent, SECRET, NOW + late) is expected


def test_the_recorded_standard_webhook_is_accepted_while_its_time_is_near() -> None:
    sent, reader = recorded("standard_webhooks_generic.json").delivery, GenericWebhook(STANDARD)
    secret = stored_secret("webhook/std")
    for late, expected in ((0, True), (300, True), (301, False), (-301, False)):
        assert reader.is_authentic(sent, secret, NOW + late) is expected
    two = {**sent.headers, "webhook-signature": "v1,AAAA " + sent.headers["webhook-signature"]}
    assert reader.is_authentic(replace(sent, headers=two), secret, NOW)
    many = {**sent.headers, "webhook-signature": "v1,AAAA " * 50 + sent.headers["webhook-signature"]}
    assert not reader.is_authentic(replace(sent, headers=many), secret, NOW)


@pytest.mark.parametrize("secret", ["whsec_no base64", "whsec_\u00e4", "whsec_="])
def test_a_secret_that_is_not_base64_admits_nobody(secret: str) -> None:
    assert not GenericWebhook(STANDARD).is_authentic(signed("webhook/std", BODY).delivery, secret, NOW)


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", "\u0661", "9" * 400, "1795372267.5"])
def test_a_time_that_is_none_is_refused(timestamp: str) -> None:
    for sender, header, receiver in (
        ("webhook/erp", "x-timestamp", HMAC),
        ("webhook/std", "webhook-timestamp", STANDARD),
    ):
        sent = signed(sender, BODY).with_header(header, timestamp).delivery
        assert not GenericWebhook(receiver).is_authentic(sent, stored_secret(sender), NOW)


def test_what_a_body_says_is_found_by_the_paths() -> None:
    receiver = replace(HEADER, id="$.sync.id", subject="$.sync.model", status="$.runs[0].status")
    body = {"sync": {"id": 7, "model": "orders"}, "runs": [{"status": "success"}]}
    found = signal(read(receiver, body))
    assert (found.kind, found.origin) == ("webhook", "hightouch")
    assert found.names == ("hightouch", "hightouch/orders")
    assert found.attributes == {"status": "success", "subject": "orders"}
    assert found.event_id == "webhook/hightouch/7/success"


@pytest.mark.parametrize(
    ("given", "expected"),
    [(True, "true"), (1.5, "1.5"), (None, ""), ({"a": 1}, '{"a":1}'), ("a\n b", "a b"), ([], "[]")],
)
def test_values_that_are_no_text(given: object, expected: str) -> None:
    assert signal(read(Receiver("r", subject="$.s"), {"s": given})).attributes["subject"] == expected


def test_a_status_that_is_no_success_is_recorded() -> None:
    event = read(HEADER, {"id": 1, "status": "failed"})
    assert (event.event, event.detail) == (None, "hightouch failed: not one of success")
    assert read(HEADER, {"id": 1}).event is None


def test_without_success_values_every_status_starts_something() -> None:
    assert (
        signal(read(replace(HEADER, success=()), {"id": 1, "status": "failed"})).attributes["status"]
        == "failed"
    )


def test_a_start_and_an_end_of_one_id_are_two_events() -> None:
    ids = {read(HEADER, {"id": 1, "status": status}).event_id for status in ("started", "success", "")}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        ("$.id", "x" * 600 + "1", "x" * 600 + "2"),
        ("$.id", "a b", "a  b"),
        ("$.id", "a\n", "a"),
        ("$.id", {"key": "x" * 600, "at": 1}, {"key": "x" * 600, "at": 2}),
        ("$.id[*].n", [{"n": 1}, {"n": 2}], [{"n": 1}, {"n": 3}]),
    ],
)
def test_ids_that_differ_anywhere_are_two_events(path: str, one: object, other: object) -> None:
    receiver = replace(HEADER, id=path, status="", success=())
    ids = [read(receiver, {"id": given}).event_id for given in (one, other, one)]
    assert ids[0] == ids[2] != ids[1]


def test_without_an_id_the_body_is_the_key_or_the_signed_id() -> None:
    assert read(PLAIN, {"a": 1}).event_id != read(PLAIN, {"a": 2}).event_id
    assert read(PLAIN, {"a": 1}).event_id == read(PLAIN, {"a": 1}).event_id
    assert read(HMAC, {"id": None}).event_id != read(HMAC, {"id": None, "b": 1}).event_id
    assert read(STANDARD, {"a": 1}, {"webhook-id": "msg_7"}).event_id == "webhook/std/msg_7"


@pytest.mark.parametrize(
    "path", ["$..id", "$.*", "$.a[*].b", "$.a[999999999]", "$.a.b.c.d", "$[0]", "$.id[2]"]
)
def test_no_path_fails_in_any_body(path: str) -> None:
    receiver = Receiver("r", id=path, subject=path, status=path)
    deep: Any = 1
    for _ in range(95):
        deep = {"a": [deep]}
    for body in ({}, {"id": 1}, {"a": []}, {"id": "abc"}, {"a": {"b": None}}, deep, {"a": [{}] * 20_000}):
        assert read(receiver, body).event_id.startswith("webhook/r/")


def test_an_address_without_a_reader_has_none() -> None:
    class Nobody:
        def receiver(self, name: str) -> Receiver:
            raise NotFoundError(name)

    for provider in ("webhook", "nobody", ""):
        with pytest.raises(NotFoundError):
            Readers(Nobody()).of(provider, "default")


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"1", b"not json", b'{"a": NaN}', b'{"a": 1e400}', b'{"a": -1e400}', b'{"a": Infinity}',
     b'{"a": 1, "a": 2}', b'{"x": {"a": 1, "a": 2}}', b'{"a": "\\ud800"}', b'\xff{}', b'{"a":' * 5_000,
     b"[" * 200_000, b'{"a": ' + b"9" * 5_000 + b"}", b'{"a": "\x00"}', '{"a": 1}'.encode("utf-16"),
     b'\xef\xbb\xbf{"a": 1}', b'{"a": 1} {"a": 1}'],
)  # fmt: skip
def test_bodies_that_two_readers_could_understand_differently_are_refused(raw: bytes) -> None:
    with pytest.raises(WebhookError) as refusal:
        read(PLAIN, raw)
    assert refusal.value.status == 400
