"""Below /api: look at a run, cancel it, repeat it; see what a run would do, or was to do.

JSON in and out; every request bears the stack's API token.
"""

import base64
import binascii
import gzip
import json
import re
import uuid
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headgate.bootstrap import World, world
from headgate.domain.api_token import bears
from headgate.domain.plan_object import plan_object
from headgate.domain.run import Cause
from headgate.domain.run_object import run_object
from headgate.domain.run_view import StepView
from headgate.errors import (
    ConflictError,
    InputError,
    ManifestError,
    NotFoundError,
    PlanError,
    UnavailableError,
)
from headgate.observability import logger
from headgate.usecases.cancel_run import cancel_run
from headgate.usecases.preview_plan import plan_of_run, preview_plan
from headgate.usecases.retry_run import retry_run
from headgate.usecases.view_run import view_run

# Ids are integers that every JSON reader can hold (below 2^53).
_PATH = re.compile(r"/api/runs/([0-9]{1,15})(?:/(cancel|retry|plan))?")
_METHODS = {None: "GET", "plan": "GET", "cancel": "POST", "retry": "POST"}
# A job's name as a jobs file may have it.
_JOB_PLAN = re.compile(r"/api/jobs/([A-Za-z0-9][A-Za-z0-9_-]{0,47})/plan")
LONGEST_SELECTION = 2_000
LARGEST_BODY = 16_384
LONGEST_KEY = 200
ZIPPED_FROM = 2_000_000
LISTED_FAILURES = 100


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CancelRequest(_Body):
    """POST /api/runs/{run_id}/cancel"""

    reason: str = Field(default="", max_length=500)


class RetryRequest(_Body):
    """POST /api/runs/{run_id}/retry"""

    from_start: bool = False


B = TypeVar("B", bound=_Body)
Answer = tuple[int, dict[str, Any]]


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    ports = world()
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    given = headers.get("authorization", "")
    if not (given and bears(given, ports.secrets.get("api-token")["token"])):
        logger.warning("request refused", path=_path(event)[:200])
        return _answered(401, {"error": "give the stack's API token as a bearer token"})
    try:
        status, body = _answer(event, headers, ports)
    except (InputError, ValidationError) as fault:
        status, body = 400, {"error": _in_words(fault)}
    except NotFoundError as fault:
        status, body = 404, {"error": str(fault)}
    except ConflictError as fault:
        status, body = 409, {"error": str(fault)}
    except UnavailableError as fault:
        logger.warning("not now", reason=str(fault))
        status, body = 503, {"error": "a service did not answer; try again"}
    return _answered(status, body, headers.get("accept-encoding", ""))


def _answer(event: dict[str, Any], headers: dict[str, str], ports: World) -> Answer:
    method = str(event.get("requestContext", {}).get("http", {}).get("method", ""))
    job = _JOB_PLAN.fullmatch(_path(event))
    if job is not None:
        return _job_plan(job[1], event, ports) if method == "GET" else (405, {"error": "GET only"})
    found = _PATH.fullmatch(_path(event))
    if found is None:
        raise NotFoundError("there is nothing at this address")
    run_id, verb = int(found[1]), found[2]
    logger.append_keys(run_id=run_id)
    if method != _METHODS[verb]:
        return 405, {"error": f"{_METHODS[verb]} only"}
    if verb is None:
        return 200, _view(run_id, ports)
    if verb == "plan":
        return 200, plan_object(plan_of_run(run_id, ports=ports))
    raw = _raw_body(event)
    if len(raw) > LARGEST_BODY:
        return 413, {"error": f"a body has at most {LARGEST_BODY} bytes"}
    return _cancel(run_id, raw, ports) if verb == "cancel" else _retry(run_id, raw, headers, ports)


def _job_plan(job: str, event: dict[str, Any], ports: World) -> Answer:
    """?select=…&exclude=…: instead of what the job's commands select, in dbt's words."""
    given = event.get("queryStringParameters") or {}
    unknown = sorted(given.keys() - {"select", "exclude"})
    if unknown:
        raise InputError(f"{_printable(unknown[0])[:50]!r} is not known here: select and exclude are")
    select, exclude = (_selection(given.get(name)) for name in ("select", "exclude"))
    try:
        return 200, plan_object(preview_plan(job, ports=ports, select=select, exclude=exclude))
    except (PlanError, ManifestError) as fault:
        # Nothing is wrong with the request: the job's run would end so.
        raise ConflictError(str(fault)) from fault


def _selection(text: str | None) -> list[str]:
    if text is not None and len(text) > LONGEST_SELECTION:
        raise InputError(f"a selection has at most {LONGEST_SELECTION} characters")
    return [text] if text else []


def _view(run_id: int, ports: World) -> dict[str, Any]:
    view = view_run(run_id, runs=ports.runs, queue=ports.queue, plans=ports.plans, clock=ports.clock)
    return {"run": run_object(view.run), "steps": [_step_object(step) for step in view.steps]}


def _step_object(step: StepView) -> dict[str, Any]:
    failed = [
        {"unique_id": node.unique_id, "status": node.status, "message": node.headline} for node in step.failed
    ]
    return {
        "step": step.number,
        "command": step.command,
        "planned": step.planned,
        "nodes": len(step.nodes),
        "failed": failed[:LISTED_FAILURES],
        "lost": list(step.lost),
    }


def _cancel(run_id: int, raw: bytes, ports: World) -> Answer:
    reason = _printable(_read(CancelRequest, raw).reason)
    who = "by the API" + (f" ({reason})" if reason else "")
    run = cancel_run(run_id, who, runs=ports.runs, machine=ports.machine, queue=ports.queue, bus=ports.bus)
    logger.info("run cancelled", status=run.status)
    return 202, {"run": run_object(run)}


def _retry(run_id: int, raw: bytes, headers: dict[str, str], ports: World) -> Answer:
    wish = _read(RetryRequest, raw)
    # Whoever may send a request twice names it; both times it is one run.
    key = headers.get("idempotency-key") or str(uuid.uuid4())
    if len(key) > LONGEST_KEY:
        raise InputError(f"an Idempotency-Key has at most {LONGEST_KEY} characters")
    run = retry_run(
        run_id,
        from_start=wish.from_start,
        cause=Cause("retry", key, f"of run {run_id}, by the API"),
        runs=ports.runs,
        queue=ports.queue,
        bus=ports.bus,
    )
    logger.info("run repeated", retry=run.run_id)
    return 201, {"run": run_object(run)}


def _path(event: dict[str, Any]) -> str:
    return str(event.get("rawPath") or "")


def _raw_body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    try:
        return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, ValueError) as fault:
        raise InputError("the body cannot be read") from fault


def _read(model: type[B], raw: bytes) -> B:
    return model.model_validate_json(raw) if raw.strip() else model()


def _in_words(fault: InputError | ValidationError) -> str:
    if isinstance(fault, InputError):
        return str(fault)
    first = fault.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def _printable(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _answered(status: int, body: dict[str, Any], accepts: str = "") -> dict[str, Any]:
    headers = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="Headgate"'
    text = json.dumps(body)
    if len(text) < ZIPPED_FROM:
        return {"statusCode": status, "headers": headers, "body": text}
    if "gzip" not in accepts:
        # A function's answer has at most 6 MB.
        return _answered(406, {"error": "the answer is long: ask with Accept-Encoding: gzip"})
    zipped = base64.b64encode(gzip.compress(text.encode())).decode()
    headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
    return {"statusCode": status, "headers": headers, "body": zipped, "isBase64Encoded": True}
