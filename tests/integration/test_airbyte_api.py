"""Airbyte's API asked over real HTTP: what it confirms, what it denies, and what cannot be known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from headgate.adapters.webhooks.airbyte_api import confirm_sync
from headgate.errors import WebhookError

CONNECTION = "64d901a1-2520-4d91-93c8-9df438668ff0"


class Api(BaseHTTPRequestHandler):
    """Airbyte's API: one answer, and what was asked."""

    answer: tuple[int, bytes] = (200, b"{}")
    asked: tuple[str, str | None] = ("", None)

    def do_GET(self) -> None:
        type(self).asked = (self.path, self.headers["authorization"])
        status, content = self.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def api() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Api)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def job(**fields: object) -> tuple[int, bytes]:
    return 200, json.dumps(
        {"jobId": 9988, "status": "succeeded", "connectionId": CONNECTION, **fields}
    ).encode()


def test_a_sync_that_airbyte_confirms_counts(api: str) -> None:
    Api.answer = job()
    confirm_sync(f"{api}/", "t0ken", "9988", CONNECTION)
    assert Api.asked == ("/v1/jobs/9988", "Bearer t0ken")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (job(status="failed"), 401),
        (job(status="cancelled"), 401),
        (job(connectionId="another"), 401),
        ((404, b"{}"), 401),
        (job(status="running"), 503),
        ((401, b"{}"), 503),
        ((500, b""), 503),
        ((302, b""), 503),
        ((200, b"<html>"), 503),
        ((200, b"[" * 100_000), 503),
    ],
)
def test_what_airbyte_does_not_confirm_does_not_count(
    api: str, answer: tuple[int, bytes], status: int
) -> None:
    Api.answer = answer
    with pytest.raises(WebhookError) as refusal:
        confirm_sync(api, "t0ken", "9988", CONNECTION)
    assert refusal.value.status == status
    assert "t0ken" not in str(refusal.value)


def test_an_api_that_does_not_answer_lets_the_message_come_again() -> None:
    with pytest.raises(WebhookError) as refusal:
        confirm_sync("http://127.0.0.1:1", "t0ken", "9988", CONNECTION)
    assert refusal.value.status == 503
