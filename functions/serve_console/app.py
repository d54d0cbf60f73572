"""GET / and GET /runs/{run_id}: pages for people. Every one of them asks for the stack's API token."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.adapters import pages
from headgate.bootstrap import World, world
from headgate.domain.api_token import opens
from headgate.errors import NotFoundError
from headgate.observability import logger
from headgate.usecases.view_queue import view_queue
from headgate.usecases.view_run import view_run

LATEST_RUNS = 50
# Ids are integers that every JSON reader can hold (below 2^53).
LONGEST_ID = 16


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    ports = world()
    if not _admitted(event, ports):
        logger.warning("console refused", route=event.get("routeKey"))
        return pages.refusal().to_answer()
    try:
        return _page(event, ports).to_answer()
    except NotFoundError:
        return pages.not_found().to_answer()


def _admitted(event: dict[str, Any], ports: World) -> bool:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    given = headers.get("authorization", "")
    return bool(given) and opens(given, ports.secrets.get("api-token")["token"])


def _page(event: dict[str, Any], ports: World) -> pages.Page:
    if event["routeKey"] == "GET /":
        runs = ports.runs.list_runs(LATEST_RUNS)
        waits = view_queue(runs, runs=ports.runs, jobs=ports.jobs, clock=ports.clock)
        return pages.latest_runs(runs, waits)
    number = (event.get("pathParameters") or {}).get("run_id", "")
    if not (number.isascii() and number.isdigit() and len(number) <= LONGEST_ID):
        raise NotFoundError("that is not the number of a run")
    return pages.one_run(
        view_run(
            int(number),
            runs=ports.runs,
            queue=ports.queue,
            plans=ports.plans,
            clock=ports.clock,
            jobs=ports.jobs,
        )
    )
