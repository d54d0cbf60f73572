"""The HTTP API as a client gets it: who is let in, what each route does, and what bad requests are told."""

import base64
import gzip
import json
from types import SimpleNamespace
from typing import Any

import pytest

from functions.serve_api import app
from headgate.adapters.memory import MemoryWorld
from headgate.api import router
from headgate.domain.job import Job, JobsFile, ReusePolicy
from headgate.domain.run import Cause, RunStatus
from headgate.errors import UnavailableError
from headgate.usecases.plan_run import plan_run
from tests.builders import make_environment, make_index, make_node

TOKEN = "tOken-ü-1"
CONTEXT = SimpleNamespace(
    function_name="serve-api", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="id"
)
BEARER = f"Bearer {TOKEN}"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    world = MemoryWorld()
    world.secrets.values["api-token"] = {"token": TOKEN}
    monkeypatch.setattr(app, "world", lambda: world)
    world.runs.create_run(Job("finance", "production", ("dbt build",)), "d" * 64, Cause("cli", "k"))
    return world


def request(
    method: str, path: str, body: Any = None, authorization: str | None = BEARER, **headers: str
) -> dict[str, Any]:
    """API Gateway's payload 2.0."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "ANY /api/{proxy+}",
        "rawPath": path,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"http": {"method": method, "path": path}},
        "isBase64Encoded": False,
    }
    if authorization is not None:
        event["headers"]["Authorization"] = authorization
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event


def send(*arguments: Any, **named: Any) -> tuple[int, dict[str, Any]]:
    return answered(request(*arguments, **named))


def answered(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = app.handler(event, CONTEXT)
    assert answer["headers"]["content-type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


def begin(world: MemoryWorld) -> None:
    run = world.runs.get_run(1)
    assert world.runs.take_slot(run)
    world.runs.record_execution(1, world.machine.start(run))


def test_a_run_is_told(world: MemoryWorld) -> None:
    status, body = send("GET", "/api/runs/1")
    assert status == 200
    assert (body["run"]["run_id"], body["run"]["status"], body["run"]["retry_of"]) == (1, "queued", None)
    assert body["steps"] == [
        {"step": 1, "command": "dbt build", "planned": False, "nodes": 0, "failed": [], "lost": []}
    ]


def test_a_run_is_cancelled(world: MemoryWorld) -> None:
    begin(world)
    status, body = send("POST", "/api/runs/1/cancel", {"reason": "wrong\nday\x00"})
    assert (status, body["run"]["cancel"]) == (202, "by the API (wrong day)")
    assert list(world.machine.stopped.values()) == ["cancelled by the API (wrong day)"]
    assert send("POST", "/api/runs/1/cancel")[0] == 202
    world.runs.move(1, RunStatus.CANCELLED)
    assert send("POST", "/api/runs/1/cancel") == (409, {"error": "run 1 is over: it ended as cancelled"})


def test_a_run_is_repeated(world: MemoryWorld) -> None:
    assert send("POST", "/api/runs/1/retry")[0] == 409
    begin(world)
    world.runs.move(1, RunStatus.ERROR)
    status, body = send("POST", "/api/runs/1/retry", {"from_start": True})
    assert (status, body["run"]["retry_of"], body["run"]["from_start"]) == (201, 1, True)
    assert body["run"]["cause"]["detail"] == "of run 1, by the API"
    assert send("POST", "/api/runs/1/retry")[1]["run"]["run_id"] == 3


def test_a_request_that_is_named_and_sent_twice_makes_one_run(world: MemoryWorld) -> None:
    begin(world)
    world.runs.move(1, RunStatus.ERROR)
    found = {send("POST", "/api/runs/1/retry", Idempotency_Key="mine")[1]["run"]["run_id"] for _ in range(3)}
    assert found == {2}
    assert send("POST", "/api/runs/1/retry", Idempotency_Key="k" * 201)[0] == 400


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        TOKEN,
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Basic " + base64.b64encode(f"anyone:{TOKEN}".encode()).decode(),
        "Bearer \udcff",
        "Bearer " + "x" * 100_000,
    ],
)
def test_nobody_else_does_or_learns_anything(world: MemoryWorld, authorization: str | None) -> None:
    for method, path in (("GET", "/api/runs/1"), ("POST", "/api/runs/1/cancel"), ("GET", "/api/nothing")):
        answer = app.handler(request(method, path, authorization=authorization), CONTEXT)
        assert (answer["statusCode"], json.loads(answer["body"]).keys()) == (401, {"error"})
        assert answer["headers"]["www-authenticate"] == 'Bearer realm="Headgate"'
    assert world.runs.get_run(1).status is RunStatus.QUEUED


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/runs/2", 404),
        ("POST", "/api/runs/2/cancel", 404),
        ("POST", "/api/runs/2/retry", 404),
        ("GET", "/api/runs/abc", 404),
        ("GET", "/api/runs/", 404),
        ("GET", "/api/runs/1/", 404),
        ("GET", "/api/runs/-1", 404),
        ("GET", "/api/runs/" + "9" * 17, 404),
        ("GET", "/api/runs/\N{FULLWIDTH DIGIT ONE}", 404),
        ("GET", "/api/runs/1\n", 404),
        ("GET", "/api/runs/1/cancel", 405),
        ("POST", "/api/runs/1", 405),
        ("DELETE", "/api/runs/1", 405),
        ("", "/api/runs/1", 405),
        ("POST", "/api/runs/1/../1/cancel", 404),
        ("GET", "", 404),
    ],
)
def test_what_is_not_there_is_said_to_be_so(world: MemoryWorld, method: str, path: str, status: int) -> None:
    found, body = send(method, path)
    assert (found, body.keys()) == (status, {"error"})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("not json", 400),
        ("[]", 400),
        ("null", 400),
        ('"text"', 400),
        ('{"from_start": 1}', 400),
        ('{"from_start": "true"}', 400),
        ('{"from_start": NaN}', 400),
        ('{"reason": 1e400}', 400),
        ('{"unknown": 1}', 400),
        ('{"a":' * 3_000, 400),
        ("[" * 16_000, 400),
        ("{" + " " * 70_000 + "}", 413),
        ('{"reason": "\\ud800"}', 400),
        (f'{{"reason": "{"x" * 501}"}}', 400),
    ],
)
@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_bad_bodies_are_answered_and_change_nothing(
    world: MemoryWorld, verb: str, body: str, status: int
) -> None:
    found, told = send("POST", f"/api/runs/1/{verb}", body)
    assert (found, told.keys()) == (status, {"error"})
    assert len(told["error"]) < 500
    assert world.runs.get_run(1).cancel is None
    assert len(world.runs.list_runs()) == 1


@pytest.mark.parametrize("body", ["not base64!", base64.b64encode(b"\xff\xfe{").decode()])
def test_bodies_in_base64_are_read_with_care(world: MemoryWorld, body: str) -> None:
    event = request("POST", "/api/runs/1/cancel", body) | {"isBase64Encoded": True}
    assert answered(event)[0] == 400
    good = base64.b64encode(b'{"reason": "typo"}').decode()
    assert answered(event | {"body": good})[0] == 202


def test_a_service_that_does_not_answer_is_no_fault_of_the_request(world: MemoryWorld) -> None:
    def unavailable(*_: object) -> None:
        raise UnavailableError("secret-table did not answer")

    world.runs.get_run = unavailable  # type: ignore[method-assign, assignment]
    assert send("GET", "/api/runs/1") == (503, {"error": "a service did not answer; try again"})


# Plans.


@pytest.fixture
def published(world: MemoryWorld) -> MemoryWorld:
    job = Job(
        "finance", "production", ("dbt build --select tag:finance+",), reuse=ReusePolicy(unchanged=True)
    )
    world.jobs.apply(JobsFile((make_environment(),), (job,), ()))
    index = make_index(
        make_node("model.shop.a", tags=("finance",)), make_node("model.shop.b", "model.shop.a")
    )
    world.bundles._files["d" * 64, "44136fa355b3678a/index.msgpack"] = index.encode()
    world.jobs.point_at("production", "d" * 64)
    return world


def asked(path: str, method: str = "GET", accepts: str = "", **query: str) -> dict[str, Any]:
    event = request(method, path, accept_encoding=accepts)
    return event | ({"queryStringParameters": query} if query else {})


def test_a_job_s_next_run_is_planned_and_nothing_is_written(published: MemoryWorld) -> None:
    status, body = answered(asked("/api/jobs/finance/plan"))
    assert status == 200
    assert (body["job"], body["run_id"], body["counts"]) == (
        "finance",
        None,
        {"nodes": 2, "build": 2, "reuse": 0},
    )
    (step,) = body["steps"]
    assert [(node["unique_id"], node["reason"]) for node in step["nodes"]] == [
        ("model.shop.a", "missing"),
        ("model.shop.b", "missing"),
    ]
    _, chosen = answered(asked("/api/jobs/finance/plan", select="b", exclude="a"))
    assert [node["unique_id"] for node in chosen["steps"][0]["nodes"]] == ["model.shop.b"]
    assert len(published.runs.list_runs(9)) == 1
    assert published.plans._plans == {}


def test_a_run_s_plan_is_told_as_far_as_it_came(published: MemoryWorld) -> None:
    _, body = answered(asked("/api/runs/1/plan"))
    assert (body["run_id"], body["steps"]) == (1, [])
    plan_run(1, 1, published)
    _, body = answered(asked("/api/runs/1/plan"))
    assert [step["command"] for step in body["steps"]] == ["dbt build"]
    assert body["notes"] == []


@pytest.mark.parametrize(
    ("path", "query", "status", "message"),
    [
        ("/api/jobs/finanse/plan", {}, 404, "did you mean finance?"),
        ("/api/jobs/finance/plan", {"selct": "a"}, 400, "'selct' is not known here"),
        ("/api/jobs/finance/plan", {"select": "a" * 2_001}, 400, "at most 2000 characters"),
        ("/api/jobs/finance/plan", {"select": "@a+"}, 400, "@a+"),
        ("/api/runs/99/plan", {}, 404, "99"),
        ("/api/jobs/fi%20nance/plan", {}, 404, "nothing at this address"),
    ],
)
def test_what_cannot_be_planned_is_said(
    published: MemoryWorld, path: str, query: dict[str, str], status: int, message: str
) -> None:
    found, body = answered(asked(path, **query))
    assert (found, message in body["error"]) == (status, True), body


def test_a_plan_that_a_run_would_fail_with_is_a_conflict(published: MemoryWorld) -> None:
    published.jobs.point_at("production", "e" * 64)
    status, body = answered(asked("/api/jobs/finance/plan"))
    assert status == 409
    assert "publish --environment production" in body["error"]


def test_plans_are_read_with_the_token_and_by_get_alone(published: MemoryWorld) -> None:
    for path in ("/api/jobs/finance/plan", "/api/runs/1/plan"):
        assert answered(asked(path, method="POST"))[0] == 405
        assert app.handler(request("GET", path, authorization=None), CONTEXT)["statusCode"] == 401


def test_a_long_answer_is_zipped_for_whoever_can_read_that(
    published: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole = answered(asked("/api/jobs/finance/plan"))
    monkeypatch.setattr(router, "ZIPPED_FROM", 1_000)
    answer = app.handler(asked("/api/jobs/finance/plan", accepts="br, gzip"), CONTEXT)
    assert (answer["isBase64Encoded"], answer["headers"]["content-encoding"]) == (True, "gzip")
    assert json.loads(gzip.decompress(base64.b64decode(answer["body"]))) == whole
    status, body = answered(asked("/api/jobs/finance/plan"))
    assert (status, "Accept-Encoding: gzip" in body["error"]) == (406, True)
