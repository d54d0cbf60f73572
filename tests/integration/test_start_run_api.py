"""POST /api/jobs/{job}/runs and what else jobs, runs and events are asked: as a client of the API sees it."""

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from functions.serve_api import app
from headgate.adapters.memory import MemoryWorld
from headgate.api.router import ROUTES
from headgate.domain.declared_var import DeclaredVar
from headgate.domain.job import Job, JobsFile
from headgate.domain.overrides import Overrides
from headgate.domain.run import Cause, RunStatus
from headgate.domain.schedule import Schedule
from headgate.errors import UnavailableError
from headgate.observability import logger
from tests.builders import fivetran_gate, make_environment
from tests.faults import Unreliable

TOKEN = "t0ken"
CONTEXT = SimpleNamespace(
    function_name="serve-api", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="id"
)
FINANCE = Job(
    "finance",
    "production",
    ("dbt build",),
    gates=(fivetran_gate("stripe"),),
    vars=(DeclaredVar("day", "date"), DeclaredVar("region", choices=("eu", "us"))),
)
START = "/api/jobs/finance/runs"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    world = MemoryWorld()
    world.secrets.values["api-token"] = {"token": TOKEN}
    world.jobs.apply(
        JobsFile((make_environment(),), (FINANCE, Job("off", "production", ("dbt run",), paused=True)), ())
    )
    world.jobs.point_at("production", "d" * 64, ("main",))
    monkeypatch.setattr(app, "world", lambda: world)
    return world


def send(
    method: str, path: str, body: Any = None, *, token: str | None = TOKEN, query: Any = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    event: dict[str, Any] = {
        "version": "2.0",
        "rawPath": path,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"http": {"method": method, "path": path}},
        "isBase64Encoded": False,
    }
    if token is not None:
        event["headers"]["Authorization"] = f"Bearer {token}"
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    if query is not None:
        event["queryStringParameters"] = query
    answer = app.handler(event, CONTEXT)
    assert answer["headers"]["cache-control"] == "no-store"
    return answer["statusCode"], json.loads(answer["body"])


def test_a_run_is_started_as_the_job_says(world: MemoryWorld) -> None:
    status, body = send("POST", START)
    assert (status, body["run"]["run_id"], body["notes"]) == (201, 1, [])
    run = world.runs.get_run(1)
    assert (run.status, run.steps, run.bundle) == (RunStatus.QUEUED, ("dbt build",), "d" * 64)
    assert (run.cause.kind, run.cause.detail, run.on_conflict) == ("api", "by the API", "queue_all")
    assert [event.run_id for event in world.bus.published] == [1]  # type: ignore[attr-defined]


def test_a_run_is_started_otherwise_than_the_job_says(world: MemoryWorld) -> None:
    world.jobs.point_at("production", "e" * 64, ("dev", "c" * 40))
    world.jobs.point_at("production", "f" * 64)
    wish = {
        "cause": "month end\n\x1b[31m",
        "steps_override": ["dbt run --select orders", "dbt test"],
        "schema_override": "ci_7",
        "threads_override": 2,
        "git_branch": "dev",
        "vars": {"region": "eu", "day": "2026-01-31"},
        "on_conflict": "skip",
        "from_start": True,
    }
    status, body = send("POST", START, wish)
    run = world.runs.get_run(1)
    assert status == 201
    assert body["run"]["overrides"] == {
        "schema": "ci_7",
        "threads": 2,
        "vars": {"region": "eu", "day": "2026-01-31"},
        "git_ref": "dev",
    }
    assert run.steps == ("dbt run --select orders", "dbt test")
    assert (run.bundle, run.on_conflict, run.from_start) == ("e" * 64, "skip", True)
    assert run.cause.detail == "by the API (month end [31m)"
    kept = run.overrides
    assert (kept.schema, kept.threads, kept.git_ref) == ("ci_7", 2, "dev")
    assert kept.vars == '{"day": "2026-01-31", "region": "eu"}'
    assert send("POST", START, {"git_sha": "c" * 40})[0] == 201
    assert (world.runs.get_run(2).bundle, world.runs.get_run(2).overrides.git_ref) == ("e" * 64, "c" * 40)
    assert send("POST", START)[1]["run"]["bundle"] == "f" * 64


def test_a_key_makes_one_run_of_a_job(world: MemoryWorld) -> None:
    wish = {"vars": {"region": "eu"}}
    first = send("POST", START, wish, Idempotency_Key="k 1")
    again = [send("POST", START, wish, Idempotency_Key="k 1") for _ in range(3)]
    assert first[0] == 201
    assert [(status, body["run"]["run_id"]) for status, body in again] == [(200, 1)] * 3
    status, body = send("POST", START, {"vars": {"region": "us"}}, Idempotency_Key="k 1")
    assert (status, body) == (
        409,
        {"error": "the key 'k 1' made run 1 from another request: use a new key for a new run"},
    )
    assert send("POST", "/api/jobs/off/runs", Idempotency_Key="k 1")[1]["run"]["run_id"] == 2
    assert send("POST", START, wish, Idempotency_Key="k 2")[1]["run"]["run_id"] == 3
    assert send("POST", START, wish)[1]["run"]["run_id"] == 4
    assert world.runs.get_run(1).overrides.vars == '{"region": "eu"}'


def test_a_key_cannot_be_mistaken_for_another_cause(world: MemoryWorld) -> None:
    """Causes of every kind share one space of keys: a sync's is not to be taken by whoever holds the token."""
    send("POST", START, Idempotency_Key="fivetran/default/stripe/1/sync_end")
    assert world.runs.get_run(1).cause.key == "api/fivetran/default/stripe/1/sync_end"


def test_of_a_hundred_at_once_with_one_key_exactly_one_makes_the_run(world: MemoryWorld) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send("POST", START, Idempotency_Key="once"), range(100)))
    assert sorted(status for status, _ in answers) == [200] * 99 + [201]
    assert {body["run"]["run_id"] for _, body in answers} == {1}


def test_a_client_that_repeats_itself_until_it_is_answered_gets_one_run(world: MemoryWorld) -> None:
    """Every call the start makes of its ports may fail before or after it did its work."""
    random = Random(5)
    ports = [Unreliable(getattr(world, name), random, 0.3) for name in ("runs", "jobs", "activities", "bus")]
    world.runs, world.jobs, world.activities, world.bus = ports  # type: ignore[assignment]
    for key in range(40):
        while (found := send("POST", START, Idempotency_Key=f"key {key}"))[0] == 503:
            pass
        assert found[0] in (200, 201)
    assert sum(port.faults for port in ports) > 40
    store = ports[0]._port
    assert [run.cause.key for run in reversed(store.list_runs(100))] == [f"api/key {n}" for n in range(40)]
    assert {event.run_id for event in ports[3]._port.published} == set(range(1, 41))


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"steps_override": []}, 400, "steps_override"),
        ({"steps_override": ["rm -rf /"]}, 400, "is not a dbt command"),
        ({"steps_override": "dbt build"}, 400, "steps_override"),
        ({"steps_override": ["dbt build --target-path /x"]}, 400, "step 1"),
        ({"schema_override": 'x"; drop'}, 400, "letters, digits and _"),
        ({"schema_override": ""}, 400, "schema_override"),
        ({"threads_override": 0}, 400, "threads_override"),
        ({"threads_override": 257}, 400, "threads_override"),
        ({"threads_override": "4"}, 400, "threads_override"),
        ({"vars": {"dai": "2026-01-31"}}, 400, "has no variable 'dai'"),
        ({"vars": {"day": "2026-02-30"}}, 400, "is not a date"),
        ({"vars": {"region": ["eu"]}}, 400, "vars.region"),
        ('{"vars": {"region": NaN}}', 400, "region"),
        ({"vars": {"region": "x" * 70_000}}, 413, "at most 65536 bytes"),
        ({"on_conflict": "queue_latest"}, 400, "on_conflict"),
        ({"from_start": "yes"}, 400, "from_start"),
        ({"steps": ["dbt build"]}, 400, "'steps' is not known here: only cause, steps_override"),
        ({"git_branch": "main", "git_sha": "c" * 40}, 400, "git_branch and git_sha exclude each other"),
        ({"git_branch": "-x"}, 400, "is not a git branch or commit"),
        (
            {"git_branch": "mian"},
            409,
            "from 'mian': known are main: check it out and `headgate publish --env",
        ),
        ({"git_sha": "c" * 40}, 409, "--git-ref " + "c" * 40),
    ],
)
def test_nothing_is_made_when_anything_is_wrong(
    world: MemoryWorld, body: Any, status: int, words: str
) -> None:
    found, told = send("POST", START, body)
    assert (found, words in told["error"]) == (status, True), told
    assert world.runs.list_runs() == []
    assert world.bus.published == []


def test_a_job_that_is_not_there_is_named_nearly(world: MemoryWorld) -> None:
    for method, path in (("POST", "/api/jobs/finanse/runs"), ("POST", "/api/jobs/finanse/pause"),
                         ("POST", "/api/jobs/finanse/resume"), ("GET", "/api/jobs/finanse")):  # fmt: skip
        assert send(method, path) == (404, {"error": "no job named 'finanse'; did you mean finance?"})


def test_without_a_bundle_it_is_said_what_to_publish(world: MemoryWorld) -> None:
    world.jobs._bundles.clear()
    status, told = send("POST", START)
    assert (status, "headgate publish --environment production" in told["error"]) == (409, True)
    assert world.runs.list_runs() == []


def test_a_job_that_is_off_starts_by_hand_and_says_so(world: MemoryWorld) -> None:
    status, body = send("POST", "/api/jobs/off/runs")
    assert (status, "paused" in body["notes"][0]) == (201, True)
    world.activities.pause("finance", "by the API (closing)")
    status, body = send("POST", START)
    assert (status, "by the API (closing)" in body["notes"][0]) == (201, True)


def test_jobs_are_paused_and_resumed(world: MemoryWorld) -> None:
    status, body = send("POST", "/api/jobs/finance/pause", {"reason": "month\nend"})
    assert (status, body["job"]["state"], body["job"]["paused"]) == (200, "paused", "by the API (month end)")
    listed = {job["job"]: job for job in send("GET", "/api/jobs")[1]["jobs"]}
    assert {name: job["state"] for name, job in listed.items()} == {"finance": "paused", "off": "paused"}
    status, body = send("POST", "/api/jobs/finance/resume")
    assert (status, body["job"]["state"], body["job"]["paused"]) == (200, "active", None)
    status, body = send("POST", "/api/jobs/off/resume")
    assert (status, "is paused by" in body["error"]) == (409, True)
    assert send("POST", "/api/jobs/finance/resume", {"reason": "x"})[0] == 400


def test_what_starts_a_job_is_told(world: MemoryWorld) -> None:
    job = send("GET", "/api/jobs/finance")[1]["job"]
    assert (job["state"], job["next_due"], len(job["when"])) == ("active", None, 1)
    daily = replace(FINANCE, name="daily", gates=(), schedules=(Schedule(at=("07:00",)),))
    world.jobs.apply(JobsFile((), (daily,), (), origin="daily.yml"))
    told = send("GET", "/api/jobs/daily")[1]["job"]
    assert told["next_due"].endswith("T07:00:00.000+00:00")
    world.activities.pause("daily", "by ana")
    assert send("GET", "/api/jobs/daily")[1]["job"]["next_due"] is None
    assert job["gates"][0]["awaits"] == [{"kind": "fivetran", "name": "stripe", "where": {}}]
    assert job["vars"][1] == {"name": "region", "type": "text", "choices": ["eu", "us"]}


def test_runs_are_listed(world: MemoryWorld) -> None:
    for path in (START, START, "/api/jobs/off/runs"):
        send("POST", path)
    world.runs.move(2, RunStatus.ERROR)

    def listed(**query: str) -> list[int]:
        return [run["run_id"] for run in send("GET", "/api/runs", query=query or None)[1]["runs"]]

    assert listed() == [3, 2, 1]
    assert listed(limit="2") == [3, 2]
    assert listed(job="finance") == [2, 1]
    assert listed(status="queued") == [3, 1]
    assert listed(status="queued", job="off") == [3]
    assert listed(status="error", limit="1") == [2]
    for query in ({"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"status": "won"}, {"jobs": "x"}):
        assert send("GET", "/api/runs", query=query)[0] == 400


def test_a_run_that_waits_says_for_what(world: MemoryWorld) -> None:
    assert send("POST", START)[1]["run"]["queue"]["position"] == 1
    assert world.runs.take_slot(world.runs.get_run(1))
    _, body = send("POST", START)
    assert (body["run"]["queue"]["position"], body["run"]["queue"]["waits_for"]) == (1, 1)
    assert send("POST", START)[1]["run"]["queue"]["position"] == 2
    assert send("GET", "/api/runs/3")[1]["run"]["queue"]["position"] == 2
    told = {run["run_id"]: run.get("queue") for run in send("GET", "/api/runs")[1]["runs"]}
    assert (told[1], told[2]["position"], told[3]["position"]) == (None, 1, 2)


def test_a_run_that_was_made_is_told_also_where_the_queue_cannot_be_read(world: MemoryWorld) -> None:
    def unavailable() -> None:
        raise UnavailableError("the table did not answer")

    world.runs.active_runs = unavailable  # type: ignore[method-assign, assignment]
    status, body = send("POST", START)
    assert (status, body["run"]["run_id"], "queue" in body["run"]) == (201, 1, False)


def test_events_are_explained(world: MemoryWorld) -> None:
    world.events.record("fivetran/default/a b", {"provider": "fivetran", "origin": "default", "detail": "x"})
    world.events.note("fivetran/default/a b", "finance", "starts run 1", 1)
    assert [event["event_id"] for event in send("GET", "/api/events")[1]["events"]] == [
        "fivetran/default/a b"
    ]
    for written in ("fivetran/default/a b", "fivetran%2Fdefault%2Fa%20b"):
        status, body = send("GET", f"/api/events/{written}")
        assert (status, body["event"]["notes"][0]["text"]) == (200, "starts run 1")
    assert send("GET", "/api/events/nothing")[0] == 404


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "")


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_every_method_of_every_route_asks_for_the_token_first(world: MemoryWorld, path: str) -> None:
    real = path.format(job="finance", run_id=1, event_id="run/1")
    allowed = {route.method for route in ROUTES if route.path == path}
    for method in METHODS:
        for token in (None, "", "t0ke", "t0ken ü", "T0KEN"):
            status, body = send(method, real, "{", token=token)
            assert (status, body.keys()) == (401, {"error"})
        if method not in allowed:
            assert send(method, real)[0] == 405
    assert (world.runs.list_runs(), world.bus.published) == ([], [])


def test_the_log_holds_neither_token_nor_body(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    canary, log = "c4nary", io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    world.secrets.values["api-token"] = {"token": canary}
    body = {"cause": canary, "vars": {"region": canary}}
    send("POST", START, body, token=canary, Idempotency_Key=canary)
    send("POST", START, {"cause": canary}, token=canary, Idempotency_Key=canary)
    send("POST", START, {"cause": canary}, token=canary + "x")
    assert "run asked for" in log.getvalue()
    assert "request refused" in log.getvalue()
    assert canary not in log.getvalue()


@pytest.mark.parametrize("waiting", [0, 1_000])
def test_a_start_takes_far_less_than_a_second(world: MemoryWorld, waiting: int) -> None:
    for number in range(waiting):
        world.runs.create_run(FINANCE, "d" * 64, Cause("cli", str(number)))
    begun = time.perf_counter()
    for number in range(5):
        status, body = send("POST", START, {"vars": {"region": "eu"}}, Idempotency_Key=str(number))
        assert (status, body["run"]["queue"]["position"]) == (201, waiting + number or 1)
    each = (time.perf_counter() - begun) / 5
    print(f"\nPOST {START}: {each * 1000:.1f} ms each, in process, while {waiting} runs wait")
    assert each < 1


def test_wishes_are_kept_with_the_run(world: MemoryWorld) -> None:
    send("POST", START, {"threads_override": 3})
    kept = world.runs.get_run(1).overrides
    assert kept == Overrides(threads=3, request=kept.request)
