"""API Gateway's part, as a WSGI application: requests become events of payload 2.0 for the function of their route."""

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 404: "Not Found"}


class Gateway:
    """Routes (`POST /webhooks/{provider}/{source}`, `ANY /api/{proxy+}`) and the handlers behind them.

    statuses: how often each was answered.
    """

    def __init__(self, routes: Mapping[str, Handler], context: Any) -> None:
        self._routes = [(*key.split(" ", 1), handler) for key, handler in routes.items()]
        self._context = context
        self.statuses: dict[int, int] = {}

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, headers, body = self._answer(environ)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        length = ("content-length", str(len(body)))
        start_response(f"{status} {_REASONS.get(status, 'Answer')}", [*headers.items(), length])
        return [body]

    def _answer(self, environ: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        method, path = environ["REQUEST_METHOD"], _decoded(environ["PATH_INFO"])
        for verb, pattern, handler in self._routes:
            found = re.fullmatch(_pattern(pattern), path, re.DOTALL)
            if found and verb in ("ANY", method):
                answer = handler(_event(environ, method, path, found.groupdict()), self._context)
                body = answer["body"].encode()
                whole = base64.b64decode(body) if answer.get("isBase64Encoded") else body
                return answer["statusCode"], answer["headers"], whole
        return 404, {"content-type": "application/json"}, b'{"message":"Not Found"}'


def _pattern(route: str) -> str:
    return re.sub(r"{(\w+)(\+?)}", lambda part: f"(?P<{part[1]}>{'.+' if part[2] else '[^/]+'})", route)


def _decoded(path: str) -> str:
    return path.encode("latin-1").decode("utf-8", "replace")


def _event(environ: Mapping[str, Any], method: str, path: str, values: dict[str, str]) -> dict[str, Any]:
    raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    query: dict[str, str] = {}
    for name, value in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    event: dict[str, Any] = {
        "version": "2.0",
        "rawPath": path,
        "headers": headers,
        "requestContext": {"http": {"method": method, "path": path}},
        "isBase64Encoded": True,
        "body": base64.b64encode(raw).decode(),
    }
    return event | ({"queryStringParameters": query} if query else {}) | {"pathParameters": values}
