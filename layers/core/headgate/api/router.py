"""From a request of API Gateway (payload 2.0) to its answer: find the route, read what was sent, word what went wrong.

A table of our own and not a framework's resolver: those at hand answer 404 where a method is wrong, let unknown query
parameters pass, and fall over JSON that is nested too deep or holds a number too long.
"""

import base64
import binascii
import gzip
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from headgate.api import events, jobs, runs
from headgate.api.route import Answer, Request, Route
from headgate.api.wording import checked_key, in_words
from headgate.errors import ConflictError, InputError, NotFoundError, UnavailableError
from headgate.observability import logger

if TYPE_CHECKING:
    from headgate.bootstrap import World

ROUTES: tuple[Route, ...] = (*jobs.ROUTES, *runs.ROUTES, *events.ROUTES)
LARGEST_BODY = 65_536
ZIPPED_FROM = 2_000_000
NOT_NOW: Answer = (503, {"error": "a service did not answer; try again"})
REFUSED: Answer = (401, {"error": "give the stack's API token as a bearer token"})


def answer(event: Mapping[str, Any], ports: "World") -> dict[str, Any]:
    """The answer to a request of somebody who may ask. Whatever is sent, it is none of 5xx but 503."""
    headers = headers_of(event)
    path = path_of(event)
    here = [(route, found) for route in ROUTES if (found := route.pattern.fullmatch(path))]
    method = str(event.get("requestContext", {}).get("http", {}).get("method", ""))
    route = next((route for route, _ in here if route.method == method), None)
    if not here:
        return answered((404, {"error": "there is nothing at this address"}))
    if route is None:
        allowed = ", ".join(sorted(route.method for route, _ in here))
        return answered((405, {"error": f"{allowed} only"}), allow=allowed)
    values = next(found.groupdict() for other, found in here if other is route)
    return answered(_outcome(route, values, event, headers, ports), headers.get("accept-encoding", ""))


def _outcome(
    route: Route,
    values: Mapping[str, str],
    event: Mapping[str, Any],
    headers: Mapping[str, str],
    ports: "World",
) -> Answer:
    model: type[BaseModel] | None = route.query
    try:
        given = event.get("queryStringParameters") or {}
        query = _query(route, given)
        model = route.body
        raw = _raw_body(event) if route.body else b""
        if len(raw) > LARGEST_BODY:
            return 413, {"error": f"a body has at most {LARGEST_BODY} bytes"}
        body = route.body.model_validate_json(raw if raw.strip() else b"{}") if route.body else None
        key = (
            checked_key(headers["idempotency-key"]) if route.keyed and "idempotency-key" in headers else None
        )
        return route.act(Request(values, query, body, key), ports)
    except (InputError, ValidationError) as fault:
        return 400, {"error": in_words(fault, model)}
    except NotFoundError as fault:
        return 404, {"error": str(fault)}
    except ConflictError as fault:
        return 409, {"error": str(fault)}
    except UnavailableError as fault:
        logger.warning("not now", reason=str(fault))
        return NOT_NOW


def _query(route: Route, given: Mapping[str, str]) -> Any:
    if route.query is not None:
        return route.query.model_validate(dict(given))
    if given:
        raise InputError("nothing is read behind ? here")
    return None


def headers_of(event: Mapping[str, Any]) -> dict[str, str]:
    """Headers by their names in small letters."""
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def path_of(event: Mapping[str, Any]) -> str:
    return str(event.get("rawPath") or "")


def _raw_body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    try:
        return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, ValueError) as fault:
        raise InputError("the body cannot be read") from fault


def answered(answer: Answer, accepts: str = "", *, allow: str = "") -> dict[str, Any]:
    """An answer as API Gateway wants it; gzip where it is long and that can be read."""
    status, body = answer
    headers = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="Headgate"'
    if allow:
        headers["allow"] = allow
    text = json.dumps(body)
    if len(text) < ZIPPED_FROM:
        return {"statusCode": status, "headers": headers, "body": text}
    if "gzip" not in accepts:
        # A function's answer has at most 6 MB.
        return answered((406, {"error": "the answer is long: ask with Accept-Encoding: gzip"}))
    zipped = base64.b64encode(gzip.compress(text.encode())).decode()
    headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
    return {"statusCode": status, "headers": headers, "body": zipped, "isBase64Encoded": True}
