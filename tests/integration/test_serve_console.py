"""The pages as a browser gets them: who is let in, what hostile names do (nothing), which headers go along."""

import base64
import hashlib
from html import unescape
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from functions.serve_console import app
from headgate.adapters.memory import MemoryWorld
from headgate.domain.command import Command
from headgate.domain.job import Job
from headgate.domain.overrides import Overrides
from headgate.domain.plan import Plan, PlannedNode
from headgate.domain.queue import StepRecord, initial_records
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause, Run, RunStatus

TOKEN = "tOken-ü-1"
HOSTILE = "<script>alert(1)</script>\"' onmouseover=x {{ 7 * 7 }}"
CONTEXT = SimpleNamespace(
    function_name="serve-console", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="id"
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    world = MemoryWorld()
    world.secrets.values["api-token"] = {"token": TOKEN}
    monkeypatch.setattr(app, "world", lambda: world)
    return world


def basic(password: str, user: str = "anyone") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def get(path: str, authorization: str | None = f"Bearer {TOKEN}") -> dict[str, Any]:
    """The answer to `GET /` or `GET /runs/<id>`, in API Gateway's payload 2.0."""
    event: dict[str, Any] = {"version": "2.0", "routeKey": "GET /", "rawPath": path, "headers": {}}
    if path.startswith("/runs/"):
        event |= {"routeKey": "GET /runs/{run_id}", "pathParameters": {"run_id": path.removeprefix("/runs/")}}
    if authorization is not None:
        event["headers"] = {"Authorization": authorization}
    return app.handler(event, CONTEXT)


def run(world: MemoryWorld, job: str = "finance", detail: str = "connector stripe") -> Run:
    command = "dbt build --select tag:finance+"
    made, _ = world.runs.create_run(
        Job(job, "production", (command,)), "d" * 64, Cause("fivetran", f"{job}/1", detail)
    )
    return made


def broken_run(
    world: MemoryWorld, name: str = "orders", message: str = "Database Error in model\n  gone"
) -> int:
    """A run in which `name` failed and `after` was skipped because of it."""
    ids = [f"model.shop.{name}", "model.shop.after"]
    made = run(world)
    world.runs.take_slot(made)
    world.runs.move(made.run_id, RunStatus.RUNNING)
    nodes = tuple(
        PlannedNode(unique_id, "model", "table", tuple(ids[:index]), 1.0, 1.0)
        for index, unique_id in enumerate(ids)
    )
    plan = Plan(made.run_id, 1, Command("build"), "d" * 64, "production", nodes, runners=1, threads=4)
    world.plans.put_plan(plan)
    world.queue.write(StepRecord(made.run_id, 1, 2, 1, made.created_at), initial_records(plan))
    for unique_id, status, text in zip(ids, ("error", "skipped"), (message, ""), strict=True):
        entry = {"unique_id": unique_id, "status": status, "execution_time": 1.5, "message": text}
        world.queue.record(made.run_id, 1, NodeResult.from_entry(entry, 1), made.created_at)
    world.clock.advance(75)
    world.runs.move(made.run_id, RunStatus.ERROR, error=f"model.shop.{name}: {message}", counts={"error": 1})
    return made.run_id


class Reader(HTMLParser):
    """What a browser makes of a page: its tags with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] != "style":
            self.text += f"{data} "


@pytest.mark.parametrize(
    "authorization", [f"Bearer {TOKEN}", f"bearer  {TOKEN} ", basic(TOKEN), basic(TOKEN, "")]
)
def test_the_token_opens_every_page(world: MemoryWorld, authorization: str) -> None:
    run_id = broken_run(world)
    assert get("/", authorization)["statusCode"] == 200
    assert get(f"/runs/{run_id}", authorization)["statusCode"] == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        TOKEN,
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Token {TOKEN}",
        basic(""),
        basic("wrong"),
        "Basic " + base64.b64encode(TOKEN.encode()).decode(),
        "Basic " + base64.b64encode(f"{TOKEN}:".encode()).decode(),
        "Basic not base64!",
        "Basic ümlaut",
        "Basic /w==",
        "Bearer \udcff",
        "Bearer " + "x" * 100_000,
    ],
)
def test_nobody_else_learns_anything(world: MemoryWorld, authorization: str | None) -> None:
    broken_run(world)
    answers = [get(path, authorization) for path in ("/", "/runs/1", "/runs/99", "/runs/abc")]
    assert {answer["statusCode"] for answer in answers} == {401}
    assert {answer["body"] for answer in answers} == {"Unauthorized\n"}
    assert answers[0]["headers"]["www-authenticate"] == 'Basic realm="Headgate"'


@pytest.mark.parametrize("given", ["Bearer ", "Bearer", basic("")])
def test_an_empty_token_opens_nothing(world: MemoryWorld, given: str) -> None:
    world.secrets.values["api-token"] = {"token": ""}
    assert get("/", given)["statusCode"] == 401


def test_the_token_is_read_anew_so_that_it_can_be_changed(world: MemoryWorld) -> None:
    world.secrets.values["api-token"] = {"token": "another"}
    assert get("/")["statusCode"] == 401
    assert get("/", "Bearer another")["statusCode"] == 200


@pytest.mark.parametrize(
    "run_id",
    [
        "2",
        "abc",
        "",
        "0",
        "-1",
        "1.0",
        "\N{FULLWIDTH DIGIT ONE}",
        "1e3",
        "9" * 17,
        "1%20",
        "../1",
        "1\n",
        HOSTILE,
    ],
)
def test_what_is_not_a_run_is_not_found(world: MemoryWorld, run_id: str) -> None:
    broken_run(world)
    answer = get(f"/runs/{run_id}")
    assert answer["statusCode"] == 404
    assert "There is no such run" in answer["body"]
    assert "alert(1)" not in answer["body"]


def test_a_run_tells_first_what_failed_and_why(world: MemoryWorld) -> None:
    text = " ".join(Reader(get(f"/runs/{broken_run(world)}")["body"]).text.split())
    told = [
        "✕ error · finance 1",
        "Started by fivetran",
        "connector stripe",
        "Duration 1 min 15 s",
        "dbt build --select tag:finance+",
        "✕ error model.shop.orders",
        "Database Error in model gone",
        "1 skipped because of it model.shop.after",
        "Failures first",
        "orders model",
    ]
    places = [text.find(part) for part in told]
    assert -1 not in places, told[places.index(-1)]
    assert places == sorted(places)


def test_the_list_leads_to_each_run(world: MemoryWorld) -> None:
    run(world, "finance")
    run(world, "marketing")
    body = get("/")["body"]
    assert 0 < body.find('href="/runs/2"') < body.find('href="/runs/1"')


def test_without_runs_the_list_says_how_to_make_one(world: MemoryWorld) -> None:
    assert "headgate run" in get("/")["body"]


def test_names_are_text_and_nothing_else(world: MemoryWorld) -> None:
    calm = Reader(get(f"/runs/{broken_run(world)}")["body"])
    run_id = broken_run_of(world, HOSTILE)
    for path in (f"/runs/{run_id}", "/"):
        page = Reader(get(path)["body"])
        assert "script" not in page.tags
        assert page.attributes <= calm.attributes | {"href"}
        assert HOSTILE in page.text
    assert page.text.count("{{ 7 * 7 }}") >= 1


def broken_run_of(world: MemoryWorld, text: str) -> int:
    """A broken run whose every name is `text`."""
    made, _ = world.runs.create_run(Job(text, text, (text,)), text, Cause(text, text, text))
    nodes = (PlannedNode(f"model.shop.{text}", text, text, (), 1.0, 1.0),)
    plan = Plan(made.run_id, 1, Command("build"), text, text, nodes, runners=1, threads=4)
    world.queue.write(StepRecord(made.run_id, 1, 1, 1, made.created_at), initial_records(plan))
    entry = {"unique_id": nodes[0].unique_id, "status": "error", "execution_time": 1, "message": text}
    world.queue.record(made.run_id, 1, NodeResult.from_entry(entry, 1), made.created_at)
    world.runs.move(made.run_id, RunStatus.ERROR, error=text)
    return made.run_id


def test_text_cannot_turn_the_page_around(world: MemoryWorld) -> None:
    right_to_left, turned = "דוח_הכנסות", chr(0x202E) + "drawkcab" + chr(0) + chr(0x200B)
    body = get(f"/runs/{broken_run(world, right_to_left + turned, message=turned)}")["body"]
    assert f"<bdi>{right_to_left}\N{REPLACEMENT CHARACTER}drawkcab" in body
    assert not {chr(0x202E), chr(0), chr(0x200B)} & set(body)


def test_what_is_far_too_long_is_cut(world: MemoryWorld) -> None:
    body = get(f"/runs/{broken_run(world, 'n' * 10_000, 'm' * 100_000)}")["body"]
    assert "n" * 301 not in body
    assert "m" * 2_001 not in body
    assert "n" * 200 in body
    assert len(body) < 20_000


def test_a_huge_run_fits_into_one_answer(world: MemoryWorld) -> None:
    made = run(world)
    names = [f"model.shop.a_rather_long_name_of_a_model_{n}" for n in range(12_000)]
    plan = Plan(made.run_id, 1, Command("build"), "d", "production", (), runners=1, threads=4)
    world.queue.write(StepRecord(made.run_id, 1, len(names), 1, made.created_at), initial_records(plan))
    for name in names:
        entry = {"unique_id": name, "status": "error", "execution_time": 1, "message": "e" * 2_000}
        world.queue.record(made.run_id, 1, NodeResult.from_entry(entry, 1), made.created_at)
    body = get(f"/runs/{made.run_id}")["body"]
    assert len(body.encode()) < 4_000_000
    assert "10000 more" in body


def test_every_answer_carries_the_same_armour(world: MemoryWorld) -> None:
    broken_run(world)
    for answer in (get("/"), get("/runs/1"), get("/runs/2"), get("/", None)):
        headers = answer["headers"]
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_policy_admits_the_stylesheet_and_the_pages_have_no_other_style(world: MemoryWorld) -> None:
    for path in ("/", f"/runs/{broken_run(world)}"):
        answer = get(path)
        style = answer["body"].partition("<style>")[2].partition("</style>")[0]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in answer["headers"]["content-security-policy"]
        page = Reader(answer["body"])
        assert "style" not in page.attributes
        assert page.tags.count("style") == 1


def test_the_token_stays_out_of_pages_and_logs(world: MemoryWorld, caplog: pytest.LogCaptureFixture) -> None:
    assert TOKEN not in get("/", basic(TOKEN))["body"]
    given = basic(f"{TOKEN}x")
    get("/", given)
    [refused] = [vars(record) for record in caplog.records]
    assert refused["msg"] == "console refused"
    assert TOKEN not in str(refused)
    assert given.removeprefix("Basic ") not in str(refused)


def test_a_queued_run_says_what_it_waits_for_and_a_superseded_one_by_which(world: MemoryWorld) -> None:
    first = run(world)
    assert world.runs.take_slot(first)
    job = Job("finance", "production", ("dbt build",))
    for key in ("second", "third"):
        world.runs.create_run(job, "d" * 64, Cause("fivetran", key), on_conflict="queue_latest")
    sentence = "waits for run 1 (one run of finance at a time)"
    for path in ("/", "/runs/3"):
        assert sentence in unescape(get(path)["body"])
    assert "(and 1 more)" in get("/runs/3")["body"]
    superseded = unescape(get("/runs/2")["body"])
    assert '<a href="/runs/3">Run 3</a> took its place' in superseded
    assert "superseded by run 3" in superseded
    assert "waits for" not in superseded
    assert "Otherwise than its job says" not in superseded


def test_a_run_says_what_was_asked_for_otherwise(world: MemoryWorld) -> None:
    job = Job("finance", "production", ("dbt build",))
    wish = Overrides(schema="dev_ana", threads=1, vars='{"day": "<b>"}')
    world.runs.create_run(job, "d" * 64, Cause("api", "k"), overrides=wish)
    said = "Otherwise than its job says: schema dev_ana, 1 thread, day=<b>"
    assert said in unescape(get("/runs/1")["body"]).replace("<bdi>", "")
    assert "<b>" not in get("/runs/1")["body"]
    world.runs.create_run(job, "d" * 64, Cause("s3", "other"), on_conflict="cancel_running")
    ended = get("/runs/1")["body"]
    assert "took its place" in ended
    assert "answers to its causes" not in ended
