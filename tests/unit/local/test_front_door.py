"""The front door hands everything on byte for byte, within API Gateway's limits."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from headgate_local.front_door import LARGEST_REQUEST_BYTES, create_app, forwarded
from headgate_local.local_file import LocalStack, WarehouseAddress, write_local_file

Answer = Callable[[httpx.Request], httpx.Response]


def door(folder: Path, answer: Answer, *, outputs: dict[str, str] | None = None) -> httpx.AsyncClient:
    """A client at a front door whose emulator is ``answer``."""
    local_file = folder / "local.json"
    if outputs is not None:
        warehouse = WarehouseAddress("127.0.0.1", 1, "u", "p", "d")
        stack = LocalStack("http://door", "http://127.0.0.1:4566", warehouse, "now", outputs=outputs)
        write_local_file(local_file, stack)
    app: Starlette = create_app(local_file, httpx.MockTransport(answer))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8080")


def ask(
    folder: Path, answer: Answer, request: Callable[[httpx.AsyncClient], object], **options: dict[str, str]
) -> httpx.Response:
    async def run() -> httpx.Response:
        async with door(folder, answer, **options) as client:
            response: httpx.Response = await request(client)  # type: ignore[misc]
            return response

    return asyncio.run(run())


def test_a_request_travels_byte_for_byte(tmp_path: Path) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        headers = [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("connection", "close"), ("x-one", "1")]
        return httpx.Response(202, headers=headers, stream=httpx.ByteStream(b"\x00\xff"))

    body = bytes(range(256))
    response = ask(
        tmp_path,
        answer,
        lambda client: client.request(
            "PATCH",
            "/webhooks/fivetran/a%20b%2Fc?x=%20&x=2&empty=",
            content=body,
            headers={"x-fivetran-signature-256": "AbC", "connection": "x-hop", "x-hop": "1"},
        ),
        outputs={"ApiId": "abc"},
    )
    (request,) = seen
    assert request.method == "PATCH"
    assert request.extensions["target"] == (
        b"/_aws/execute-api/abc/webhooks/fivetran/a%20b%2Fc?x=%20&x=2&empty="
    )
    assert request.content == body
    assert request.headers["x-fivetran-signature-256"] == "AbC"
    assert request.headers["host"] == "127.0.0.1:8080"
    assert "x-hop" not in request.headers
    assert (response.status_code, response.content) == (202, b"\x00\xff")
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert "connection" not in response.headers


def test_the_largest_request_passes_and_a_larger_one_does_not(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(str(len(request.content)).encode()))

    for size, expected in ((LARGEST_REQUEST_BYTES, 200), (LARGEST_REQUEST_BYTES + 1, 413)):
        content = b"x" * size
        response = ask(
            tmp_path, answer, lambda client, c=content: client.post("/", content=c), outputs={"ApiId": "a"}
        )
        assert response.status_code == expected


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (httpx.ConnectError("refused"), "headgate local status"),
        (httpx.ReadTimeout("30 s"), "Service Unavailable"),
    ],
)
def test_a_silent_emulator_is_a_503_that_says_so(
    tmp_path: Path, failure: httpx.HTTPError, words: str
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise failure

    response = ask(tmp_path, answer, lambda client: client.get("/"), outputs={"ApiId": "a"})
    assert response.status_code == 503
    assert words in json.loads(response.content)["message"]


def test_before_the_deployment_the_answer_is_a_503(tmp_path: Path) -> None:
    response = ask(tmp_path, lambda _: httpx.Response(200), lambda client: client.get("/"))
    assert response.status_code == 503
    assert "starting" in response.json()["message"]


def test_headers_of_one_connection_stay_behind() -> None:
    given = [(b"Connection", b"keep-alive, X-Own"), (b"X-Own", b"1"), (b"TE", b"trailers"), (b"X-Kept", b"2")]
    assert forwarded(given) == [(b"X-Kept", b"2")]


def test_a_path_cannot_climb_out_of_the_api(tmp_path: Path) -> None:
    """Handed on as it came: the emulator looks for a route of that name below the API and finds none."""
    targets: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        targets.append(request.extensions["target"])
        return httpx.Response(404, stream=httpx.ByteStream(b""))

    app = create_app(tmp_path / "local.json", httpx.MockTransport(answer))
    warehouse = WarehouseAddress("127.0.0.1", 1, "u", "p", "d")
    stack = LocalStack("http://door", "http://127.0.0.1:4566", warehouse, "now", outputs={"ApiId": "a"})
    write_local_file(tmp_path / "local.json", stack)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/../../_ministack/reset",
        "raw_path": b"/../../_ministack/reset",
        "query_string": b"",
        "headers": [],
    }
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    assert targets == [b"/_aws/execute-api/a/../../_ministack/reset"]
    assert sent[0]["status"] == 404
