"""The webhooks' door: who gets in, what an answer tells, and what is kept of a message."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.events import ConnectorSynced, SignalReceived
from tests.senders import NOW, SECRET, SENDERS, Sent, secret_of, signed, started, stored_secret
from tests.unit.functions.conftest import Answer

REFUSED = (401, {"error": "signature refused"})


@pytest.mark.parametrize("encoded", [False, True], ids=["text", "base64"])
@pytest.mark.parametrize("sender", SENDERS)
def test_every_sender_is_heard_once(answer: Answer, world: MemoryWorld, sender: str, encoded: bool) -> None:
    status, told = answer(signed(sender, started(sender)), encoded=encoded)
    assert (status, told["status"]) == (200, "accepted")
    assert answer(signed(sender, started(sender)), encoded=encoded)[1] == {**told, "status": "duplicate"}
    [event] = world.bus.published
    [kept] = world.events.recent()
    assert (kept["event_id"], kept["outcome"]) == (told["event_id"], "published")
    provider, _, name = sender.partition("/")
    assert (kept["detail"]["provider"], kept["detail"]["origin"]) == (provider, name or "default")
    # What is kept is enough to put the very same event on the bus again.
    kinds: dict[str, Any] = {"ConnectorSynced": ConnectorSynced, "SignalReceived": SignalReceived}
    again = kept["detail"]["event"]
    assert kinds[again["detail-type"]].model_validate(again["detail"]) == event


def test_an_event_that_starts_nothing_cannot_be_put_on_the_bus(answer: Answer, world: MemoryWorld) -> None:
    body = json.loads(started("fivetran")) | {"data": {"status": "FAILURE", "reason": "no more quota"}}
    assert answer(signed("fivetran", json.dumps(body).encode()))[1]["status"] == "ignored"
    [kept] = world.events.recent()
    assert kept["detail"] == {
        "provider": "fivetran", "origin": "default", "detail": "sync_end FAILURE of stripe: no more quota",
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"provider": "nobody"},
        {"provider": ""},
        {"provider": "../api-token"},
        {"provider": "webhook", "origin": "nobody"},
        {"origin": "nobody"},
        {"origin": ""},
        {"origin": "default\n"},
        {"headers": {}},
        {"headers": {"x-fivetran-signature-256": "0" * 64}},
    ],
    ids=str,
)
def test_one_answer_to_whoever_may_not_come_in(
    answer: Answer, world: MemoryWorld, changes: dict[str, Any]
) -> None:
    sent = signed("fivetran", started("fivetran"))
    provider = changes.pop("provider", "fivetran")
    assert answer(Sent(provider, sent.changed(**changes).delivery)) == REFUSED
    assert (world.events.recent(), world.bus.published) == ([], [])


@pytest.mark.parametrize("values", [None, {}, {"secret": ""}, {"previous": SECRET}], ids=str)
@pytest.mark.parametrize("sender", SENDERS)
def test_a_source_without_a_secret_admits_nobody(
    answer: Answer, world: MemoryWorld, sender: str, values: dict[str, str] | None
) -> None:
    del world.secrets.values[secret_of(sender)]
    if values is not None:
        world.secrets.values[secret_of(sender)] = values
    for secret in (SECRET, ""):
        assert answer(signed(sender, started(sender), secret)) == REFUSED


def test_a_secret_that_cannot_be_read_tells_strangers_nothing(answer: Answer, world: MemoryWorld) -> None:
    from headgate.errors import InputError

    def broken(name: str, *, fresh: bool = False) -> dict[str, str]:
        raise InputError("the secret must be a JSON object")

    world.secrets.get = broken  # type: ignore[method-assign]
    assert answer(signed("fivetran", started("fivetran"))) == REFUSED


@pytest.mark.parametrize("sender", ["airbyte", "webhook/plain"])
def test_the_secret_of_an_address_is_kept_nowhere(
    answer: Answer, world: MemoryWorld, caplog: pytest.LogCaptureFixture, sender: str
) -> None:
    canary = "c4n4ry-in-the-address"
    world.secrets.values[secret_of(sender)] = {
        "secret": canary,
        "previous": "pr3vious",
        "previous_until": "2999-01-01",
    }
    told = [
        answer(signed(sender, started(sender), secret))
        for secret in (canary, canary, "pr3vious", f"{canary}!", canary[:-1])
    ]
    told.append(answer(signed(sender, b"not json", canary)))
    told.append(answer({**signed(sender, b"{}", canary).event(encoded=True), "body": "not base64 \u00e4"}))
    assert [status for status, _ in told] == [200, 200, 200, 401, 401, 400, 400]
    everywhere = shown(told, world, caplog)
    assert "webhook taken" in everywhere
    assert "c4n4ry" not in everywhere
    assert "pr3vious" not in everywhere


@pytest.mark.parametrize("sender", ["gitlab", "webhook/hightouch"])
def test_the_secret_of_a_header_is_kept_nowhere(
    answer: Answer, world: MemoryWorld, caplog: pytest.LogCaptureFixture, sender: str
) -> None:
    told = [answer(signed(sender, started(sender), secret)) for secret in (SECRET, SECRET + "!")]
    everywhere = shown(told, world, caplog)
    assert SECRET not in everywhere


@pytest.mark.parametrize("sender", SENDERS)
def test_a_body_that_is_too_large_is_refused_before_anything_is_looked_at(
    answer: Answer, world: MemoryWorld, sender: str
) -> None:
    world.secrets.get = lambda *_, **__: pytest.fail("looked at")  # type: ignore[method-assign]
    sent = signed(sender, b" " * (256 * 1024 + 1))
    for encoded in (False, True):
        assert answer(sent, encoded=encoded)[0] == 413


@pytest.mark.parametrize(
    "changes",
    [
        {"body": None},
        {"body": "not base64", "isBase64Encoded": True},
        {"body": "\u00e4", "isBase64Encoded": True},
        {"body": "\ud800"},
        {"body": base64.b64encode(b"\xff\xfe").decode(), "isBase64Encoded": True},
        {"headers": None},
        {"headers": {"x-fivetran-signature-256": "\ud800"}},
        {"pathParameters": None},
        {"pathParameters": {}},
    ],
    ids=str,
)
def test_requests_of_any_shape_are_answered(answer: Answer, changes: dict[str, Any]) -> None:
    status, told = answer({**signed("fivetran", b"{}").event(), **changes})
    assert (status in (400, 401), told.keys()) == (True, {"error"})


def test_an_address_with_a_token_too_much_is_no_other_address(answer: Answer) -> None:
    assert answer(signed("fivetran", started("fivetran")).changed(token="anything"))[0] == 200
    assert answer(signed("airbyte", started("airbyte")).changed(token="")) == REFUSED


def test_both_secrets_are_valid_exactly_until_the_old_one_ends(answer: Answer, world: MemoryWorld) -> None:
    from headgate.domain.webhook_secret import rotated

    for number, sender in enumerate(SENDERS):
        name = secret_of(sender)
        values = rotated(
            {"secret": stored_secret(sender, "old")}, stored_secret(sender, "new"), world.clock.now(), 60
        )
        world.secrets.put(name, values)
        at = world.clock.now()
        for moment, old in ((at, 200), (at + 59.9, 200), (at + 60, 401), (at + 90, 401)):
            world.clock.advance(moment - world.clock.now())
            body = started(sender, number, moment)
            assert answer(signed(sender, body, "new", now=moment))[0] == 200
            assert answer(signed(sender, body, "old", now=moment))[0] == old, (sender, moment - at)


def test_an_event_that_was_kept_but_not_handed_on_is_handed_on_when_it_comes_again(
    answer: Answer, world: MemoryWorld
) -> None:
    from headgate.errors import UnavailableError

    publish = world.bus.publish
    for number, sender in enumerate(SENDERS):
        sent = signed(sender, started(sender, number))
        world.bus.publish = _down  # type: ignore[method-assign]
        with pytest.raises(UnavailableError):
            answer(sent)
        world.bus.publish = publish  # type: ignore[method-assign]
        assert answer(sent)[1]["status"] == "accepted"
        assert len(world.bus.published) == number + 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("port", "call"), [("events", "record"), ("bus", "publish"), ("events", "mark")])
def test_dying_at_any_write_loses_nothing(
    answer: Answer, world: MemoryWorld, port: str, call: str, after: bool
) -> None:
    owner, real = getattr(world, port), getattr(getattr(world, port), call)

    def die_once(*arguments: Any) -> Any:
        setattr(owner, call, real)
        if after:
            real(*arguments)
        raise MemoryError("the process is gone")

    sent = signed("fivetran", started("fivetran"))
    setattr(owner, call, die_once)
    with pytest.raises(MemoryError):
        answer(sent)
    assert answer(sent)[0] == 200, "no answer: the sender sends again"
    assert len({event.event_id for event in world.bus.published}) == 1
    assert [event["outcome"] for event in world.events.recent()] == ["published"]


def test_an_airbyte_that_cannot_confirm_is_asked_again_later(answer: Answer, world: MemoryWorld) -> None:
    world.secrets.values["webhooks/airbyte/default"] = {
        "secret": SECRET, "api_url": "http://airbyte.example.com", "api_token": "t0ken",
    }  # fmt: skip
    sent = signed("airbyte", started("airbyte"))
    assert answer(sent)[0] == 503
    assert world.events.recent() == []
    world.secrets.values["webhooks/airbyte/default"] = {"secret": SECRET}
    assert answer(sent)[1]["status"] == "accepted"


def test_a_message_of_long_ago_is_refused(answer: Answer, world: MemoryWorld) -> None:
    late = {"fivetran": 90_001, "dbt_cloud": 90_001, "webhook/erp": 301, "webhook/std": 301}
    for sender, seconds in late.items():
        assert answer(signed(sender, started(sender, now=NOW - seconds), now=NOW - seconds))[0] in (400, 401)
    assert world.events.recent() == []


def shown(told: object, world: MemoryWorld, caplog: pytest.LogCaptureFixture) -> str:
    """All that anybody can read afterwards: answers, events, messages on the bus, log lines with their fields."""
    logged = [vars(record) for record in caplog.records]
    return f"{told}{world.events.recent()}{world.bus.published}{logged}"


def _down(*_: object) -> None:
    from headgate.errors import UnavailableError

    raise UnavailableError("the bus does not answer")
