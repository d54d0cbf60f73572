"""The API's description (OpenAPI 3.1) out of the routes that answer: `python -m headgate.api.openapi`.

docs/openapi.json is this module's output; the addresses of webhooks stand in it too.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from headgate.api import answers
from headgate.api.route import PARAMETERS, Route
from headgate.api.router import LARGEST_BODY, ROUTES
from headgate.api.wording import LONGEST_KEY

_REF = "#/components/schemas/{model}"
_ABOUT = """Start, see, cancel and repeat runs; see jobs and events; pause and resume jobs.

Every request below /api bears the stack's API token: `Authorization: Bearer <token>`. Fields are only ever added to
what is answered. The addresses of webhooks take what other services send, each signed or addressed in its own way.
"""
_TOKEN = {"type": "http", "scheme": "bearer", "description": "The stack's API token."}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names the request: sent again with the same key, it is the same run.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
}
# What any request may be answered with.
_ALWAYS = {
    400: "Something is wrong with the request, and what.",
    401: "The token is missing or wrong.",
    404: "There is nothing at this address.",
    503: "A service did not answer; try again.",
}
_LONG = {406: "The answer is long: ask with Accept-Encoding: gzip."}
_WEBHOOK_REFUSALS = {
    400: "The message cannot be read.",
    401: "Its signature or its address is not that of a known sender.",
    413: "It is larger than 256 KiB.",
    503: "It could not be verified now; send it again.",
}


class _Plain(GenerateJsonSchema):
    """Without a title for each field: it only says its name again."""

    def field_title_should_be_set(self, _schema: Any) -> bool:
        return False


def document() -> dict[str, Any]:
    """The whole description, as JSON values."""
    places, schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, places)
    for path in ("/webhooks/{provider}/{source}", "/webhooks/{provider}/{source}/{token}"):
        paths[path] = {"post": _webhook(path, places)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Headgate", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/", "description": "The stack's output ApiUrl."}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                str(status): _response(why, places[answers.Fault]) for status, why in _ALWAYS.items()
            },
            "securitySchemes": {"token": _TOKEN},
        },
    }


def text() -> str:
    """The file's content."""
    return json.dumps(document(), indent=2) + "\n"


def _schemas() -> tuple[dict[type[BaseModel], Mapping[str, Any]], dict[str, Any]]:
    """Where each model's schema is, and all of them."""
    told = {model for route in ROUTES for _, model in route.answers.values()}
    told |= {answers.Fault, answers.WebhookReceipt}
    bodies = {route.body for route in ROUTES if route.body}
    wanted: list[Any] = [(model, "serialization") for model in sorted(told, key=_name)]
    wanted += [(model, "validation") for model in sorted(bodies, key=_name)]
    found, whole = models_json_schema(wanted, ref_template=_REF, schema_generator=_Plain)
    return {model: place for (model, _), place in found.items()}, whole["$defs"]  # type: ignore[misc]


def _name(model: type[BaseModel]) -> str:
    return model.__name__


def _operation(route: Route, places: Mapping[type[BaseModel], Any]) -> dict[str, Any]:
    parameters = [_path_parameter(name) for name in route.pattern.groupindex]
    parameters += _query_parameters(route.query) if route.query else []
    refusals = {**_ALWAYS, **({413: f"The body has more than {LARGEST_BODY} bytes."} if route.body else {})}
    refusals |= _LONG if answers.PlanAnswer in {model for _, model in route.answers.values()} else {}
    found = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": parameters + ([_KEY] if route.keyed else []),
        "responses": _responses(route.answers, refusals | dict(route.refusals), places),
    }
    if route.body:
        found["requestBody"] = {"content": {"application/json": {"schema": places[route.body]}}}
    return found


def _path_parameter(name: str) -> dict[str, Any]:
    parameter = PARAMETERS[name]
    schema = (
        {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
        if parameter.is_number
        else {"type": "string", "pattern": f"^{parameter.pattern}$"}
    )
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": parameter.description,
        "schema": schema,
    }


def _query_parameters(model: type[BaseModel]) -> Iterable[dict[str, Any]]:
    schema = model.model_json_schema(schema_generator=_Plain)
    for name, field in schema["properties"].items():
        # What is left out is not null: behind ? there is no null.
        kinds = [kind for kind in field.pop("anyOf", [field]) if kind.get("type") != "null"]
        found = {key: value for key, value in kinds[0].items() if key != "default"}
        yield {"name": name, "in": "query", "schema": found}


def _webhook(path: str, places: Mapping[type[BaseModel], Any]) -> dict[str, Any]:
    held = {
        "provider": "[A-Za-z0-9._-]{1,64}",
        "source": "[A-Za-z0-9._-]{1,64}",
        "token": "[A-Za-z0-9_-]{1,200}",
    }
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{pattern}$"},
        }
        for name, pattern in held.items()
        if f"{{{name}}}" in path
    ]
    return {
        "operationId": "receiveWebhook" + ("AtSecretAddress" if "{token}" in path else ""),
        "summary": "Take what another service sends; docs/triggers.md says how each one is set up.",
        "security": [],
        "parameters": parameters,
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": _responses(
            {200: ("The message was taken.", answers.WebhookReceipt)}, _WEBHOOK_REFUSALS, places
        ),
    }


def _responses(
    good: Mapping[int, tuple[str, type[BaseModel]]],
    refusals: Mapping[int, str],
    places: Mapping[type[BaseModel], Any],
) -> dict[str, Any]:
    every = {status: _response(why, places[model]) for status, (why, model) in good.items()}
    for status, why in refusals.items():
        known = _ALWAYS.get(status) == why
        shared = {"$ref": f"#/components/responses/{status}"}
        every[status] = shared if known else _response(why, places[answers.Fault])
    return {str(status): every[status] for status in sorted(every)}


def _response(why: str, place: Any) -> dict[str, Any]:
    return {"description": why, "content": {"application/json": {"schema": place}}}


if __name__ == "__main__":
    sys.stdout.write(text())
