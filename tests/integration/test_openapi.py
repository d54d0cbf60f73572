"""docs/openapi.json: written from the routes that answer, and kept by them whatever is sent.

schemathesis makes requests out of the published file, good and bad ones, and holds the answers of the real handlers
against it. HEADGATE_FUZZ=20000 makes as many; a test run makes fewer.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NotSet
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from functions.receive_webhook import app as webhook_app
from functions.serve_api import app as api_app
from headgate.adapters.memory import MemoryWorld
from headgate.api.openapi import document, text
from headgate.api.router import ROUTES
from headgate.domain.declared_var import DeclaredVar
from headgate.domain.job import Job, JobsFile
from headgate.domain.run import Cause
from headgate.observability import logger
from tests.builders import make_environment, make_index, make_node
from tests.integration.gateway import Gateway
from tests.template.cloudformation import template

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "openapi.json"
BODIES = int(os.environ.get("HEADGATE_FUZZ", "400"))
TOKEN = "t0ken"
CONTEXT = SimpleNamespace(
    function_name="test", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="id"
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
HANDLERS = {"ServeApiIntegration": api_app, "ReceiveWebhookIntegration": webhook_app}


def test_the_published_file_is_what_the_routes_say() -> None:
    assert PUBLISHED.read_text() == text(), (
        "write it anew: .venv/bin/python -m headgate.api.openapi > docs/openapi.json"
    )


def test_every_route_is_in_it_once() -> None:
    described = {
        (method.upper(), path) for path, methods in document()["paths"].items() for method in methods
    }
    assert {(route.method, route.path) for route in ROUTES} == {
        (method, path) for method, path in described if path.startswith("/api/")
    }
    names = [route.name for route in ROUTES]
    assert len(set(names)) == len(names)


def test_api_gateway_hands_over_what_it_describes() -> None:
    keys = [key for key, _ in _route_keys()]
    for path, methods in document()["paths"].items():
        for method in methods:
            taken = f"{method.upper()} {path}"
            assert taken in keys or (path.startswith("/api/") and "ANY /api/{proxy+}" in keys), taken


def test_only_webhooks_need_no_token() -> None:
    whole = document()
    assert whole["security"] == [{"token": []}]
    open_paths = {
        path
        for path, methods in whole["paths"].items()
        for operation in methods.values()
        if operation.get("security") == []
    }
    assert open_paths == {path for path in whole["paths"] if path.startswith("/webhooks/")}


def _route_keys() -> Iterator[tuple[str, str]]:
    for route in template().of_type("AWS::ApiGatewayV2::Route").values():
        yield route["RouteKey"], str(route["Target"])


def _world() -> MemoryWorld:
    """A job that can be started and planned, paused jobs, a run and an event."""
    world = MemoryWorld()
    world.secrets.values["api-token"] = {"token": TOKEN}
    world.secrets.values["webhooks/fivetran/default"] = {"secret": "s3cret"}
    finance = Job(
        "finance",
        "production",
        ("dbt build",),
        vars=(DeclaredVar("day", "date"), DeclaredVar("region", choices=("eu", "us"))),
    )
    world.jobs.apply(
        JobsFile((make_environment(),), (finance, Job("off", "production", ("dbt run",), paused=True)), ())
    )
    index = make_index(make_node("model.shop.a"), make_node("model.shop.b", "model.shop.a"))
    world.bundles._files["d" * 64, "44136fa355b3678a/index.msgpack"] = index.encode()
    world.jobs.point_at("production", "d" * 64, ("main",))
    world.runs.create_run(finance, "d" * 64, Cause("cli", "k"))
    world.events.record("run/1", {"provider": "job", "origin": "", "detail": "a run ended"})
    world.events.note("run/1", "finance", "it waits for another", None)
    return world


class Stage:
    """The real handlers behind a gateway, in a world that is made anew before it grows slow."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.world, self.bodies = _world(), 0
        routes = {
            key: app.handler
            for key, target in _route_keys()
            for name, app in HANDLERS.items()
            if name in target
        }
        for app in HANDLERS.values():
            patch.setattr(app, "world", lambda: self.world)
        self.gateway = Gateway(routes, CONTEXT)
        self.description = from_dict(json.loads(PUBLISHED.read_text()))
        self.description.config.update(base_url="http://headgate.test")
        self.description.app = self.gateway

    def hold(self, case: Case) -> None:
        """Send it, and hold the answer against the description."""
        if len(self.world.runs.list_runs(50)) == 50:
            self.world = _world()
        self.bodies += not isinstance(case.body, NotSet)
        case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"}, checks=CHECKS)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    level = logger.log_level
    logger.setLevel("CRITICAL")
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch)
        yield stage
    logger.setLevel(level)
    print(
        f"\n{stage.bodies} generated bodies; answers by status: {dict(sorted(stage.gateway.statuses.items()))}"
    )


OPERATIONS = [(method, path) for path, methods in document()["paths"].items() for method in methods]
TAKING = [(method, path) for method, path in OPERATIONS if "requestBody" in document()["paths"][path][method]]
KNOWN = {"job": "finance", "run_id": 1, "event_id": "run/1", "provider": "fivetran", "source": "default"}


@pytest.mark.parametrize("known", [True, False], ids=["known", "any"])
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part)
def test_whatever_is_sent_is_answered_as_described(
    stage: Stage, method: str, path: str, mode: GenerationMode, known: bool
) -> None:
    operation = stage.description[path][method.upper()]
    values = {name: value for name, value in KNOWN.items() if known and f"{{{name}}}" in path}
    if known and not values:
        return
    # A fifth more: some requests come without a body.
    each = BODIES * 6 // (5 * 4 * len(TAKING)) + 1 if (method, path) in TAKING else 5

    @settings(
        max_examples=each,
        deadline=None,
        database=None,
        derandomize=BODIES < 1_000,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, path_parameters=values or None))
    def send(case: Case) -> None:
        stage.hold(case)

    send()
