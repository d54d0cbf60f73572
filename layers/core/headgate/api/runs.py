"""Runs: start one, list them, look at one, cancel it, repeat it, see its plan."""

import uuid
from typing import TYPE_CHECKING, Any

from headgate.api import answers
from headgate.api.requests import CancelRequest, RetryRequest, RunsQuery, RunStart
from headgate.api.route import Answer, Request, Route
from headgate.api.wording import by_the_api
from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.run_object import run_object
from headgate.domain.run_request import RunRequest
from headgate.domain.run_view import StepView
from headgate.errors import HeadgateError
from headgate.observability import logger
from headgate.usecases.cancel_run import cancel_run
from headgate.usecases.request_run import request_run
from headgate.usecases.view_queue import view_queue
from headgate.usecases.view_run import view_run

if TYPE_CHECKING:
    from headgate.bootstrap import World

LISTED_FAILURES = 100
# Where the latest runs of one status are looked for.
LOOKED_THROUGH = 1_000
_NO_RUN = {404: "There is no such run."}


def start(request: Request, ports: "World") -> Answer:
    wish: RunStart = request.body
    asked = RunRequest(
        detail=by_the_api(wish.cause),
        steps=tuple(wish.steps_override or ()),
        schema=wish.schema_override or "",
        threads=wish.threads_override or 0,
        vars=wish.vars or {},
        git_ref=wish.git_ref,
        on_conflict=wish.on_conflict or "",
        from_start=wish.from_start,
    )
    done = request_run(
        request.values["job"],
        asked,
        kind="api",
        key=request.key or str(uuid.uuid4()),
        attempt=str(uuid.uuid4()),
        jobs=ports.jobs,
        runs=ports.runs,
        bus=ports.bus,
        activities=ports.activities,
    )
    logger.info("run asked for", run_id=done.run.run_id, job=done.run.job, made=done.made)
    return 201 if done.made else 200, {"run": _told(done.run, ports), "notes": list(done.notes)}


def list_runs(request: Request, ports: "World") -> Answer:
    wish: RunsQuery = request.query
    if wish.status is None:
        found = ports.runs.list_runs(wish.limit, wish.job)
    elif not RunStatus(wish.status).is_final:
        active = [run for run in ports.runs.active_runs() if wish.job in (None, run.job)]
        found = [run for run in reversed(active) if run.status == wish.status]
    else:
        latest = ports.runs.list_runs(LOOKED_THROUGH, wish.job)
        found = [run for run in latest if run.status == wish.status]
    shown = found[: wish.limit]
    waits = view_queue(shown, runs=ports.runs, jobs=ports.jobs, clock=ports.clock)
    return 200, {"runs": [run_object(run, waits.get(run.run_id)) for run in shown]}


def view(request: Request, ports: "World") -> Answer:
    seen = view_run(
        request.run_id,
        runs=ports.runs,
        queue=ports.queue,
        plans=ports.plans,
        clock=ports.clock,
        jobs=ports.jobs,
    )
    return 200, {"run": run_object(seen.run, seen.wait), "steps": [_step_object(step) for step in seen.steps]}


def plan(request: Request, ports: "World") -> Answer:
    # Imported here: planning loads a graph library, which no other route of runs needs.
    from headgate.domain.plan_object import plan_object
    from headgate.usecases.preview_plan import plan_of_run

    return 200, plan_object(plan_of_run(request.run_id, ports=ports))


def cancel(request: Request, ports: "World") -> Answer:
    wish: CancelRequest = request.body
    run = cancel_run(
        request.run_id,
        by_the_api(wish.reason),
        runs=ports.runs,
        machine=ports.machine,
        queue=ports.queue,
        bus=ports.bus,
    )
    logger.info("run cancelled", run_id=run.run_id, status=run.status)
    return 202, {"run": _told(run, ports)}


def retry(request: Request, ports: "World") -> Answer:
    from headgate.usecases.retry_run import retry_run

    wish: RetryRequest = request.body
    # Whoever may send a request twice names it; both times it is one run.
    key = request.key or str(uuid.uuid4())
    run = retry_run(
        request.run_id,
        from_start=wish.from_start,
        cause=Cause("retry", key, f"of run {request.run_id}, by the API"),
        runs=ports.runs,
        queue=ports.queue,
        bus=ports.bus,
    )
    logger.info("run repeated", run_id=request.run_id, retry=run.run_id)
    return 201, {"run": _told(run, ports)}


def _told(run: Run, ports: "World") -> dict[str, Any]:
    """A run that something was just done about. What it waits for is left out rather than having the deed repeated."""
    try:
        wait = view_queue([run], runs=ports.runs, jobs=ports.jobs, clock=ports.clock).get(run.run_id)
    except HeadgateError as fault:
        logger.warning("the queue is not told", run_id=run.run_id, reason=str(fault))
        wait = None
    return run_object(run, wait)


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


ROUTES = (
    Route(
        "POST",
        "/api/jobs/{job}/runs",
        "startRun",
        "Start a run of a job, otherwise than the job says if need be.",
        start,
        {
            201: ("The run; it waits for its turn.", answers.RunStartAnswer),
            200: ("The run that this Idempotency-Key made before.", answers.RunStartAnswer),
        },
        body=RunStart,
        keyed=True,
        refusals={
            404: "There is no such job; the nearest name is told.",
            409: "The key was used for another request; or nothing was published, or not from this git ref.",
        },
    ),
    Route(
        "GET",
        "/api/runs",
        "listRuns",
        f"The latest runs, newest first. By a final status, the {LOOKED_THROUGH} latest are looked through.",
        list_runs,
        {200: ("Runs.", answers.RunsAnswer)},
        query=RunsQuery,
    ),
    Route(
        "GET",
        "/api/runs/{run_id}",
        "viewRun",
        "A run and how its steps went.",
        view,
        {200: ("The run.", answers.RunViewAnswer)},
        refusals=_NO_RUN,
    ),
    Route(
        "GET",
        "/api/runs/{run_id}/plan",
        "planOfRun",
        "What a run builds and reuses, and why, as far as it is planned.",
        plan,
        {200: ("The plan.", answers.PlanAnswer)},
        refusals=_NO_RUN | {409: "It has no plan: this is why."},
    ),
    Route(
        "POST",
        "/api/runs/{run_id}/cancel",
        "cancelRun",
        "Cancel a run.",
        cancel,
        {202: ("The run, cancelled or on its way there.", answers.RunAnswer)},
        body=CancelRequest,
        refusals=_NO_RUN | {409: "It is over."},
    ),
    Route(
        "POST",
        "/api/runs/{run_id}/retry",
        "retryRun",
        "Repeat a run from its failure on, or all of it.",
        retry,
        {201: ("The run that repeats it.", answers.RunAnswer)},
        body=RetryRequest,
        keyed=True,
        refusals=_NO_RUN | {409: "It is not over, or left nothing undone."},
    ),
)
