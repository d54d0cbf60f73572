"""trigger fivetran: what is sent is what the receiver accepts, and its answer is told."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from headgate.adapters.webhooks.fivetran import FivetranWebhook
from headgate.errors import WebhookError
from headgate.usecases.receive_webhook import receive_webhook

SECRET = "s3cret"


@pytest.fixture
def front_door(world: Any, clock: Any, monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """The real receiver behind a transport without sockets."""
    import time

    clock.advance(time.time() - clock.now())
    world.secrets.values["webhooks/fivetran/default"] = {"secret": SECRET}
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        origin = request.url.path.rsplit("/", 1)[-1]
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            receipt = receive_webhook(
                FivetranWebhook(), origin, headers, request.content,
                events=world.events, bus=world.bus, secrets=world.secrets, clock=clock,
            )  # fmt: skip
        except WebhookError as refusal:
            return httpx.Response(refusal.status, text=str(refusal))
        return httpx.Response(200, json={"status": receipt.status, "event_id": receipt.event_id})

    def post(url: str, **arguments: Any) -> httpx.Response:
        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            return client.post(url, **arguments)

    monkeypatch.setattr(httpx, "post", post)
    return seen


def test_it_is_accepted_once(headgate: Any, asked: Any, front_door: list[httpx.Request], world: Any) -> None:
    first = asked("trigger", "fivetran", "--connector", "stripe")
    assert (first["http_status"], first["outcome"], first["connector"]) == (200, "accepted", "stripe")
    assert str(front_door[0].url) == "http://127.0.0.1:8080/webhooks/fivetran/default"
    (event,) = world.bus.published
    assert (event.connector_id, event.sync_id) == ("stripe", first["sync_id"])
    again = headgate("trigger", "fivetran", "--connector", "stripe", "--sync-id", first["sync_id"])
    assert again.stdout.startswith("✓ 200 duplicate")
    fresh = asked("trigger", "fivetran", "--connector", "stripe")
    assert (fresh["outcome"], fresh["sync_id"] != first["sync_id"]) == ("accepted", True)


def test_a_failed_sync_is_ignored(asked: Any, front_door: list[httpx.Request], world: Any) -> None:
    assert (
        asked("trigger", "fivetran", "--connector", "stripe", "--status", "FAILURE")["outcome"] == "ignored"
    )
    assert world.bus.published == []


def test_a_refusal_is_a_failure(headgate: Any, front_door: list[httpx.Request], world: Any) -> None:
    secrets = [{"secret": "old"}, {"secret": SECRET}]
    world.secrets.get = lambda _: secrets.pop(0)
    result = headgate("trigger", "fivetran", "--connector", "stripe", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["http_status"] == 401


def test_an_unknown_source(headgate: Any, front_door: list[httpx.Request]) -> None:
    result = headgate("trigger", "fivetran", "--connector", "stripe", "--source", "elsewhere")
    assert (result.exit_code, "webhooks/fivetran/elsewhere" in result.stderr) == (5, True)


def test_nobody_answers(headgate: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.secrets.values["webhooks/fivetran/default"] = {"secret": SECRET}

    def refuse(url: str, **arguments: Any) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    monkeypatch.setattr(httpx, "post", refuse)
    result = headgate("trigger", "fivetran", "--connector", "stripe")
    assert (result.exit_code, "does not answer: connection refused" in result.stderr) == (4, True)
