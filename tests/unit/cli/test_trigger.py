"""trigger: what is sent is what the receiver takes, secrets are shown once, and whoever sends is listed."""

from __future__ import annotations

import base64
import io
import json
import sys
import time
from typing import Any

import httpx
import pytest

from functions.receive_webhook import app as receiver
from headgate.adapters.webhooks.fivetran import sign
from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import Environment, Job, JobsFile
from headgate.domain.receiver import Receiver
from tests.builders import make_environment
from tests.unit.functions.conftest import CONTEXT

SECRET = "s3cret"
URL = "http://127.0.0.1:8080/webhooks"
RECEIVERS = (
    Receiver("plain"),
    Receiver("hightouch", auth="header", header="X-Api-Key", id="$.sync.id", subject="$.sync.model",
             status="$.sync.runs[0].status", success=("succeeded",)),
    Receiver("erp", auth="hmac", header="X-Signature", prefix="sha256=", timestamp_header="X-Timestamp",
             signed="{timestamp}.{body}"),
    Receiver("std", auth="standard"),
)  # fmt: skip


@pytest.fixture
def front_door(world: Any, clock: Any, monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """The real handler behind a transport without sockets."""
    clock.advance(time.time() - clock.now())
    clock.sleep = clock.advance
    world.secrets.values["webhooks/fivetran/default"] = {"secret": SECRET}
    waiting = Gate("s3", (Awaited("s3", "landing"), Awaited("webhook", "hightouch/orders")))
    job = Job("landed", "elsewhere", ("dbt build",), gates=(waiting,))
    environment: Environment = make_environment(name="elsewhere")
    world.jobs.apply(JobsFile((environment,), (job,), (), origin="other.yml", receivers=RECEIVERS))
    monkeypatch.setattr(receiver, "world", lambda: world)
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        _, provider, source, *token = request.url.path.strip("/").split("/")
        parameters = {"provider": provider, "source": source, **({"token": token[0]} if token else {})}
        body = base64.b64encode(request.content).decode()
        event = {
            "headers": dict(request.headers),
            "pathParameters": parameters,
            "body": body,
            "isBase64Encoded": True,
        }
        given = receiver.handler(event, CONTEXT)
        return httpx.Response(given["statusCode"], text=given["body"])

    def post(url: str, **arguments: Any) -> httpx.Response:
        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            return client.post(url, **arguments)

    monkeypatch.setattr(httpx, "post", post)
    return seen


def test_it_is_accepted_once(headgate: Any, asked: Any, front_door: list[httpx.Request], world: Any) -> None:
    first = asked("trigger", "test", "fivetran", "--connector", "stripe")
    assert (first["http_status"], first["outcome"], first["connector"]) == (200, "accepted", "stripe")
    assert str(front_door[0].url) == f"{URL}/fivetran/default"
    (event,) = world.bus.published
    assert (event.connector_id, event.sync_id, event.event_id) == (
        "stripe",
        first["sync_id"],
        first["event_id"],
    )
    again = headgate("trigger", "test", "fivetran", "--connector", "stripe", "--sync-id", first["sync_id"])
    assert again.stdout.startswith("✓ 200 duplicate")
    fresh = asked("trigger", "test", "fivetran", "--connector", "stripe")
    assert (fresh["outcome"], fresh["sync_id"] != first["sync_id"]) == ("accepted", True)


@pytest.mark.parametrize(
    ("source", "options", "names", "attributes"),
    [
        ("github", ["--repository", "org/repo"], ("org/repo",), {"event": "push", "branch": "main"}),
        ("github/second", ["--repository", "org/repo", "--event", "merge", "--branch", "release"], ("org/repo",),
         {"event": "merge", "branch": "release"}),
        ("gitlab", ["--repository", "org/repo", "--event", "pull_request"], ("org/repo",),
         {"event": "pull_request", "branch": "main"}),
        ("gitlab", ["--repository", "org/repo"], ("org/repo",), {"event": "push"}),
        ("dbt_cloud", ["--job", "123", "--status", "error"], ("123",), {"status": "error"}),
        ("plain", [], ("plain",), {}),
        ("webhook/erp", ["--body", '{"rows": 7}'], ("erp",), {}),
        ("std", [], ("std",), {}),
        ("hightouch", ["--subject", "orders"], ("hightouch", "hightouch/orders"),
         {"subject": "orders", "status": "succeeded"}),
    ],
)  # fmt: skip
def test_every_sender_can_be_added_and_tried(
    asked: Any, front_door: list[httpx.Request], world: Any, source: str, options: list[str], names: tuple[str, ...],
    attributes: dict[str, str],
) -> None:  # fmt: skip
    added = asked("trigger", "add", *source.removeprefix("webhook/").split("/"))
    assert (added["source"], len(added["secret"]) >= 43) == (source.removeprefix("webhook/"), True)
    told = asked("trigger", "test", source, *options)
    assert (told["outcome"], told["http_status"]) == ("accepted", 200)
    assert str(front_door[0].url) == added["address"]
    (event,) = world.bus.published
    assert event.names == names
    assert attributes.items() <= event.attributes.items()


def test_airbyte_is_known_by_its_address(asked: Any, front_door: list[httpx.Request], world: Any) -> None:
    added = asked("trigger", "add", "airbyte", "emea")
    assert added["address"] == f"{URL}/airbyte/emea/{added['secret']}"
    assert asked("trigger", "test", "airbyte/emea", "--connector", "hubspot")["outcome"] == "accepted"
    assert world.bus.published[0].connector_id == "hubspot"
    failed = asked("trigger", "test", "airbyte/emea", "--connector", "hubspot", "--status", "failed")
    assert failed["outcome"] == "ignored"


@pytest.mark.parametrize(("status", "outcome"), [("FAILURE", "ignored"), ("SUCCESSFUL", "accepted")])
def test_a_failed_sync_is_ignored(
    asked: Any, front_door: list[httpx.Request], world: Any, status: str, outcome: str
) -> None:
    told = asked("trigger", "test", "fivetran", "--connector", "stripe", "--status", status)
    assert (told["outcome"], len(world.bus.published)) == (outcome, int(outcome == "accepted"))


def test_a_refusal_is_a_failure(headgate: Any, front_door: list[httpx.Request], world: Any) -> None:
    secrets = [{"secret": "old"}, {"secret": SECRET}, {"secret": SECRET}]
    world.secrets.get = lambda *_, **__: secrets.pop(0)
    result = headgate("trigger", "test", "fivetran", "--connector", "stripe", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["http_status"] == 401


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["test", "fivetran/elsewhere", "--connector", "x"], 5, "`headgate trigger add fivetran/elsewhere`"),
        (["test", "fivetran"], 2, "--connector NAME"),
        (["test", "nobody"], 5, "neither a sender"),
        (["add", "nobody"], 5, "neither a sender"),
        (["add", "github", "a b"], 2, "a source's name"),
        (["add", "fivetran"], 2, "trigger rotate fivetran"),
        (["rotate", "github"], 5, "trigger add github"),
        (["rotate", "s3"], 2, "no secret"),
        (["rotate", "fivetran", "--overlap", "4m"], 2, "at least 5m"),
        (["rotate", "fivetran", "--overlap", "soon"], 2, "length of time"),
        (["test", "s3"], 2, "--bucket BUCKET"),
    ],
)
def test_what_cannot_be_done_is_said(
    headgate: Any, front_door: list[httpx.Request], arguments: list[str], code: int, told: str
) -> None:
    result = headgate("trigger", *arguments)
    assert (result.exit_code, told in " ".join(result.stderr.split())) == (code, True), result.stderr
    assert SECRET not in result.output


def test_nobody_answers(headgate: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.secrets.values["webhooks/airbyte/default"] = {"secret": SECRET}

    def refuse(url: str, **arguments: Any) -> httpx.Response:
        raise httpx.ConnectError(f"connection refused: {url}")

    monkeypatch.setattr(httpx, "post", refuse)
    result = headgate("trigger", "test", "airbyte", "--connector", "stripe")
    assert (result.exit_code, "does not answer: connection refused" in result.stderr) == (4, True)
    assert SECRET not in result.output, "the address holds it"


def test_a_secret_is_shown_on_a_terminal_only(
    headgate: Any, front_door: list[httpx.Request], world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = headgate("trigger", "add", "airbyte")
    assert (hidden.exit_code, f"{URL}/airbyte/default/<secret>" in hidden.stdout) == (0, True)
    assert world.secrets.values["webhooks/airbyte/default"]["secret"] not in hidden.output
    monkeypatch.setattr("headgate_cli.trigger.shown.sys", type("Terminal", (), {"stdout": Terminal()}))
    shown = headgate("trigger", "add", "github")
    assert shown.stdout.count(world.secrets.values["webhooks/github/default"]["secret"]) == 1
    assert "Secret as above" in shown.stdout


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_fivetran_is_told_by_its_api(asked: Any, headgate: Any, front_door: list[httpx.Request]) -> None:
    result = headgate("trigger", "add", "fivetran", "emea")
    assert "https://api.fivetran.com/v1/webhooks/account" in result.stdout
    line = next(line for line in result.stdout.splitlines() if line.startswith("{"))
    assert json.loads(line) == {
        "url": f"{URL}/fivetran/emea", "events": ["sync_end"], "active": True, "secret": "<secret>",
    }  # fmt: skip


def test_a_secret_of_the_senders_own_is_read_from_stdin(
    asked: Any, headgate: Any, front_door: list[httpx.Request], world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked("trigger", "add", "dbt_cloud")
    for text, code in (("their-own\n", 0), ("", 2), ("two\nlines\n", 2)):
        from typer.testing import CliRunner

        from headgate_cli.app import app

        result = CliRunner().invoke(
            app, ["trigger", "rotate", "dbt_cloud", "--given", "--now"], obj=world, input=text
        )
        assert result.exit_code == code
        assert "their-own" not in result.output
    assert world.secrets.values["webhooks/dbt_cloud/default"]["secret"] == "their-own"


def test_both_secrets_are_taken_until_the_old_one_ends(
    asked: Any, headgate: Any, front_door: list[httpx.Request], world: Any, clock: Any
) -> None:
    before = clock.now()
    rotated = asked("trigger", "rotate", "fivetran", "--overlap", "10m")
    assert (rotated["secret"] != SECRET, clock.now() - before) == (True, pytest.approx(1.0))

    def status(secret: str) -> int:
        message = {
            "event": "sync_start",
            "created": "2999-01-01",
            "sync_id": str(clock.now()),
            "connector_id": "c",
        }
        body = json.dumps(message).encode()
        headers = {"x-fivetran-signature-256": sign(body, secret)}
        return httpx.post(f"{URL}/fivetran/default", content=body, headers=headers).status_code

    assert (status(SECRET), status(rotated["secret"])) == (200, 200)
    third = headgate("trigger", "rotate", "fivetran")
    assert (third.exit_code, "rotate after that" in third.stderr) == (2, True)
    clock.advance(600)
    assert (status(SECRET), status(rotated["secret"])) == (401, 200)
    last = asked("trigger", "rotate", "fivetran", "--now")
    assert (last["old_until"], status(rotated["secret"]), status(last["secret"])) == ("", 401, 200)


def test_other_values_of_a_secret_survive_a_rotation(
    asked: Any, front_door: list[httpx.Request], world: Any
) -> None:
    name = "webhooks/airbyte/default"
    world.secrets.values[name] = {"secret": "a", "api_url": "https://airbyte.example.com", "api_token": "t"}
    asked("trigger", "rotate", "airbyte")
    assert world.secrets.values[name]["api_token"] == "t"
    assert world.secrets.values[name]["previous"] == "a"


def test_every_sender_is_listed_without_its_secret(
    asked: Any, headgate: Any, front_door: list[httpx.Request], world: Any, clock: Any
) -> None:
    secrets = [asked("trigger", "add", kind)["secret"] for kind in ("airbyte", "hightouch")]
    told = asked("trigger", "test", "hightouch", "--subject", "orders")
    asked("trigger", "rotate", "airbyte")
    listed = asked("trigger", "list")
    assert not [secret for secret in secrets if secret in json.dumps(listed)]
    found = {one["source"]: one for one in listed["sources"]}
    assert list(found) == ["airbyte", "fivetran", "hightouch", "s3/landing"]
    assert found["airbyte"]["address"] == f"{URL}/airbyte/default/<secret>"
    assert (found["fivetran"]["jobs"], found["hightouch"]["jobs"]) == (["finance"], ["landed"])
    assert (found["s3/landing"]["jobs"], found["s3/landing"]["last_event"]) == (["landed"], None)
    assert found["hightouch"]["last_event"]["event_id"] == told["event_id"]
    assert (bool(found["airbyte"]["old_until"]), found["hightouch"]["old_until"]) == (True, "")
    clock.advance(3 * 86_400)
    page = headgate("trigger", "list").stdout
    assert ("3 days old" in page, "of unknown age" in page) == (True, True)
    assert not [secret for secret in secrets if secret in page]


def test_an_object_is_put_for_s3(asked: Any, headgate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[dict[str, Any]] = []
    client = type("S3", (), {"put_object": lambda _, **given: put.append(given)})
    monkeypatch.setattr("boto3.client", lambda service: client() if service == "s3" else sys.exit(service))
    told = asked("trigger", "test", "s3", "--bucket", "landing", "--key", "a/_SUCCESS")
    assert (told["outcome"], put) == ("put", [{"Bucket": "landing", "Key": "a/_SUCCESS", "Body": b""}])
    assert "TriggerBuckets" in headgate("trigger", "add", "s3").stdout
    assert len(asked("trigger", "add", "s3")["steps"]) == 2
