"""Slack messages: what they say, what they escape, and which answers may be tried again."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from headgate.adapters.notifiers.slack import SlackNotifier, message
from headgate.domain.alerts import Alert
from headgate.errors import InputError, NotFoundError, UnavailableError

ALERT = Alert(
    run_id=12,
    job="finance",
    environment="production",
    node="model.shop.fct_revenue",
    status="error",
    severity="error",
    error='Database Error in model fct_revenue: column "amuont" does not exist',
    url="http://127.0.0.1:8080/runs/12",
    owner="Finance data <finance-data@example.com>",
    path="models/marts/finance/fct_revenue.sql",
    tags=("finance",),
    skipped=5,
)


class OneSecret:
    def __init__(self, addresses: Mapping[str, str]) -> None:
        self.addresses = addresses

    def get(self, name: str) -> Mapping[str, str]:
        if name != "slack":
            raise NotFoundError(name)
        return self.addresses


class Recorder:
    def __init__(self, status: int = 200, fault: Exception | None = None) -> None:
        self.status, self.fault, self.requests = status, fault, list[tuple[str, str, dict[str, Any]]]()

    def request(self, method: str, url: str, **options: Any) -> SimpleNamespace:
        if self.fault:
            raise self.fault
        assert options["redirect"] is False
        self.requests.append((method, url, json.loads(options["body"])))
        return SimpleNamespace(status=self.status)


def notifier(http: Recorder, url: str = "https://hooks.example.com/x") -> SlackNotifier:
    return SlackNotifier(OneSecret({"#finance-data": url}), http)  # type: ignore[arg-type]


def test_the_message_says_what_whose_why_and_where() -> None:
    http = Recorder()
    notifier(http).send(ALERT, "#finance-data")
    [(method, url, body)] = http.requests
    assert (method, url) == ("POST", "https://hooks.example.com/x")
    text = json.dumps(body)
    for fact in (
        "model.shop.fct_revenue",
        "finance-data@example.com",
        "amuont",
        "/runs/12",
        "5 nodes",
        "production",
    ):
        assert fact in text, fact
    assert body["blocks"][-1]["elements"][0]["url"] == ALERT.url


def test_text_from_the_project_cannot_place_links_or_mention_a_channel() -> None:
    hostile = Alert(
        1, "job", "production", "model.x", "error", "error", "<!channel> <http://evil|ok> & more", "u"
    )
    body = message(hostile)
    assert "<!channel>" not in json.dumps(body["blocks"][2])
    assert "&lt;!channel&gt;" in json.dumps(body["blocks"][2])
    assert "<!channel>" not in body["text"]


def test_nothing_of_an_alert_leaves_its_place() -> None:
    hostile = Alert(1, "job", "production", "<!here>", "error", "error", "a ``` *b*", "u", owner="o" * 9_000)
    body = message(hostile)
    assert "<!here>" not in body["text"]
    assert body["blocks"][2]["text"]["text"].count("```") == 2
    assert max(len(field["text"]) for field in body["blocks"][1]["fields"]) <= 2000


def test_long_errors_stay_within_slacks_limits() -> None:
    body = message(Alert(1, "job" * 100, "production", "model.x", "error", "error", "&" * 5000, "u"))
    assert len(body["blocks"][0]["text"]["text"]) <= 150
    assert len(body["blocks"][2]["text"]["text"]) <= 3000


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_answers_may_be_tried_again(status: int) -> None:
    with pytest.raises(UnavailableError, match=str(status)):
        notifier(Recorder(status)).send(ALERT, "#finance-data")


def test_silence_may_be_tried_again() -> None:
    with pytest.raises(UnavailableError):
        notifier(Recorder(fault=urllib3.exceptions.ProtocolError("closed"))).send(ALERT, "#finance-data")


@pytest.mark.parametrize("status", [302, 400, 403, 404, 410])
def test_a_dead_address_is_named(status: int) -> None:
    with pytest.raises(InputError, match="#finance-data"):
        notifier(Recorder(status)).send(ALERT, "#finance-data")


def test_an_unknown_channel_names_those_that_are_known() -> None:
    with pytest.raises(InputError, match=r"#other.*#finance-data"):
        notifier(Recorder()).send(ALERT, "#other")


@pytest.mark.parametrize("url", ["http://hooks.example.com/x", "file:///etc/passwd", "ftp://127.0.0.9/x"])
def test_only_https_and_loopback_are_posted_to(url: str) -> None:
    http = Recorder()
    with pytest.raises(InputError, match="https"):
        notifier(http, url).send(ALERT, "#finance-data")
    assert http.requests == []


def test_a_local_receiver_may_use_http() -> None:
    http = Recorder()
    notifier(http, "http://127.0.0.1:9999/hook").send(ALERT, "#finance-data")
    assert http.requests
