"""One address for the whole local stack: http://127.0.0.1:8080 is the deployed HTTP API, as it is on AWS.

Every request goes to the emulator byte for byte, so signatures over the raw body hold. The limits are those of
API Gateway's HTTP APIs (10 MB a request, 30 s an answer), with its answers.

``python -m headgate_local.front_door --project DIR --port N`` is one part of the stack.
"""

import argparse
import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from headgate_local.errors import LocalStackError
from headgate_local.local_file import LocalStack, read_local_file
from headgate_local.places import Places

LARGEST_REQUEST_BYTES = 10 * 1024 * 1024
LONGEST_ANSWER_SECONDS = 30
HOP_BY_HOP = frozenset(
    (
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
        b"transfer-encoding", b"upgrade", b"content-length", b"expect",
    )
)  # fmt: skip
RawHeaders = list[tuple[bytes, bytes]]


class TooLargeError(Exception):
    """The request's body is larger than API Gateway takes."""


def forwarded(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """The headers that travel on: all but those that concern one connection (RFC 9110, section 7.6.1)."""
    headers = list(headers)
    named = {
        name.strip().lower()
        for key, value in headers
        if key.lower() == b"connection"
        for name in value.split(b",")
    }
    return [(key, value) for key, value in headers if key.lower() not in HOP_BY_HOP | named]


class DeployedApi:
    """Which API the front door leads to; it is known once the template is deployed."""

    def __init__(self, local_file: Path) -> None:
        self._local_file = local_file
        self._written = 0.0
        self._stack: LocalStack | None = None

    def address(self) -> tuple[str, str] | None:
        """(emulator address, API id), or None while the stack is not deployed."""
        with contextlib.suppress(OSError, LocalStackError):
            written = self._local_file.stat().st_mtime
            if written != self._written:
                self._stack, self._written = read_local_file(self._local_file), written
        if self._stack is None or "ApiId" not in self._stack.outputs:
            return None
        return self._stack.endpoint, self._stack.outputs["ApiId"]


class FrontDoor:
    """Forwards every request, whatever its method and path, to the deployed API (an ASGI application)."""

    def __init__(self, api: DeployedApi, client: httpx.AsyncClient) -> None:
        self._api = api
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        address = self._api.address()
        if address is None:
            return _refusal(503, "The local stack is still starting: its template is not deployed yet")
        try:
            return await self._forward(request, *address)
        except TooLargeError:
            return _refusal(413, "Request Entity Too Large")
        except httpx.TimeoutException:
            return _refusal(503, "Service Unavailable")
        except httpx.HTTPError as failure:
            return _refusal(
                503, f"The AWS emulator does not answer ({failure!r}); try `headgate local status`"
            )

    async def _forward(self, request: Request, endpoint: str, api_id: str) -> Response:
        path = f"/_aws/execute-api/{api_id}".encode() + request.scope["raw_path"].partition(b"?")[0]
        query = request.scope["query_string"]
        outgoing = self._client.build_request(
            request.method,
            endpoint,
            headers=forwarded(request.headers.raw),
            content=await _body(request),
            # Exactly these bytes: a client library resolves `..`, and a path that climbs out of the API would
            # reach the whole emulator.
            extensions={"target": path + (b"?" + query if query else b"")},
        )
        answer = await self._client.send(outgoing, stream=True)
        try:
            content = b"".join([chunk async for chunk in answer.aiter_raw()])
        finally:
            await answer.aclose()
        response = Response(content, status_code=answer.status_code)
        length = [] if request.method == "HEAD" else [(b"content-length", str(len(content)).encode())]
        response.raw_headers = [(k.lower(), v) for k, v in forwarded(answer.headers.raw)] + length
        return response


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > LARGEST_REQUEST_BYTES:
        raise TooLargeError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_REQUEST_BYTES:
            raise TooLargeError
    return bytes(body)


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status_code=status)


def create_app(local_file: Path, transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """The front door for the stack that ``local_file`` describes; ``transport`` is for tests."""
    client = httpx.AsyncClient(
        transport=transport,
        timeout=httpx.Timeout(LONGEST_ANSWER_SECONDS, connect=2),
        limits=httpx.Limits(max_connections=200, max_keepalive_connections=20),
        headers={},
        trust_env=False,
    )
    for name in list(client.headers):
        del client.headers[name]  # httpx would add its own Accept and User-Agent

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    door = FrontDoor(DeployedApi(local_file), client)
    return Starlette(routes=[Route("/{path:path}", door)], lifespan=lifespan)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    uvicorn.run(
        create_app(Places.of(options.project).local_file),
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
