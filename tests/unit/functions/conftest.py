"""The webhooks' function in a world in memory, with a secret for every sender."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from functions.receive_webhook import app
from headgate.adapters.memory import MemoryWorld
from tests.senders import FILE, NOW, SENDERS, Sent, secret_of, stored_secret

CONTEXT: Any = SimpleNamespace(
    function_name="receive_webhook",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-central-1:000000000000:function:receive_webhook",
    aws_request_id="request",
)
Answer = Callable[..., tuple[int, dict[str, str]]]


@pytest.fixture
def world() -> MemoryWorld:
    made = MemoryWorld()
    made.clock.advance(NOW - made.clock.now())
    made.jobs.apply(FILE)
    for sender in SENDERS:
        made.secrets.values[secret_of(sender)] = {"secret": stored_secret(sender)}
    return made


@pytest.fixture
def answer(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """(status, body) of the real handler."""
    monkeypatch.setattr(app, "world", lambda: world)

    def ask(sent: Sent | dict[str, Any], *, encoded: bool = False) -> tuple[int, dict[str, str]]:
        event = sent.event(encoded=encoded) if isinstance(sent, Sent) else sent
        given = app.handler(event, CONTEXT)
        return given["statusCode"], json.loads(given["body"])

    return ask


@pytest.fixture
def quiet() -> Any:
    """Ten thousand log lines are of no use to anybody."""
    level = app.logger.log_level
    app.logger.setLevel("CRITICAL")
    yield
    app.logger.setLevel(level)
