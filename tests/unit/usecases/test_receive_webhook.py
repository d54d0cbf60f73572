"""Verify, store, hand on: in this order, once, and without loss whichever write is the last before a crash."""

import json
from datetime import UTC, datetime

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.adapters.webhooks.fivetran import SIGNATURE_HEADER, sign
from headgate.adapters.webhooks.readers import Readers
from headgate.domain.events import ConnectorSynced
from headgate.domain.inbound import Delivery
from headgate.errors import UnavailableError, WebhookError
from headgate.usecases.receive_webhook import MAX_BODY, receive_webhook


def sync_end(world: MemoryWorld, **changes: object) -> bytes:
    created = datetime.fromtimestamp(world.clock.now(), UTC).isoformat()
    data = {"event": "sync_end", "created": created, "connector_id": "stripe", "sync_id": "1"}
    return json.dumps({**data, "data": {"status": "SUCCESSFUL"}, **changes}).encode()


def send(world: MemoryWorld, body: bytes, *, secret: str = "s3cret", origin: str = "default") -> str:
    receipt = receive_webhook(
        "fivetran",
        Delivery(origin, {SIGNATURE_HEADER: sign(body, secret)}, body),
        readers=Readers(world.jobs),
        events=world.events,
        bus=world.bus,
        secrets=world.secrets,
        clock=world.clock,
    )
    return receipt.status


def test_a_sync_that_ended_well_is_stored_and_handed_on(world: MemoryWorld) -> None:
    assert send(world, sync_end(world)) == "accepted"
    [event] = world.bus.published
    assert isinstance(event, ConnectorSynced)
    assert (event.connector_id, event.sync_id) == ("stripe", "1")
    assert world.events.recent()[0]["outcome"] == "published"


def test_the_same_sync_again_is_a_duplicate(world: MemoryWorld) -> None:
    send(world, sync_end(world))
    assert send(world, sync_end(world)) == "duplicate"
    assert len(world.bus.published) == 1


def test_an_event_that_was_stored_but_not_handed_on_is_handed_on_when_it_comes_again(
    world: MemoryWorld,
) -> None:
    publish, world.bus.publish = world.bus.publish, _unavailable  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        send(world, sync_end(world))
    world.bus.publish = publish  # type: ignore[method-assign]
    assert send(world, sync_end(world)) == "accepted"
    assert len(world.bus.published) == 1


def test_a_test_event_starts_nothing_and_leaves_nothing(world: MemoryWorld) -> None:
    assert send(world, sync_end(world, event="test_event")) == "test"
    assert (world.bus.published, world.events.recent()) == ([], [])


@pytest.mark.parametrize("status", ["FAILURE", "FAILURE_WITH_TASK", "RESCHEDULED", "CANCELED"])
def test_other_ends_are_recorded_and_start_nothing(world: MemoryWorld, status: str) -> None:
    assert send(world, sync_end(world, data={"status": status})) == "ignored"
    assert world.bus.published == []
    assert world.events.recent()[0]["outcome"] == "ignored"


@pytest.mark.parametrize(("secret", "origin"), [("wrong", "default"), ("s3cret", "nobody")])
def test_a_wrong_secret_and_an_unknown_source_get_the_same_answer(
    world: MemoryWorld, secret: str, origin: str
) -> None:
    with pytest.raises(WebhookError, match=r"^signature refused$") as refusal:
        send(world, sync_end(world), secret=secret, origin=origin)
    assert refusal.value.status == 401
    assert world.events.recent() == []


@pytest.mark.parametrize("origin", ["", "a b", "\u00e4", "../slack", "default/", "default\n", "x" * 65])
def test_an_address_that_cannot_be_a_source_is_never_looked_up(world: MemoryWorld, origin: str) -> None:
    # Secrets Manager refuses such names with errors of its own, which would be our fault and not the sender's.
    world.secrets.values[f"webhooks/fivetran/{origin}"] = {"secret": "s3cret"}
    with pytest.raises(WebhookError, match=r"^signature refused$"):
        send(world, sync_end(world), origin=origin)


@pytest.mark.parametrize("values", [{}, {"secret": ""}])
def test_a_source_without_a_secret_admits_nobody(world: MemoryWorld, values: dict[str, str]) -> None:
    world.secrets.values["webhooks/fivetran/default"] = values
    with pytest.raises(WebhookError, match=r"^signature refused$"):
        send(world, sync_end(world), secret="")


def test_a_body_that_is_too_large_is_refused_before_anything_is_computed(world: MemoryWorld) -> None:
    with pytest.raises(WebhookError) as refusal:
        send(world, b" " * (MAX_BODY + 1))
    assert refusal.value.status == 413


def _unavailable(*_: object) -> None:
    raise UnavailableError("the bus does not answer")
