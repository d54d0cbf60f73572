"""A minute went by: what was lost between events, runners and executions goes on or ends."""

from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.bootstrap import world
from headgate.observability import logger
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.finalize_run import FinalizeRun
from headgate.usecases.reap_runs import reap_runs


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    ports = world()
    reaped = reap_runs(
        runs=ports.runs,
        queue=ports.queue,
        plans=ports.plans,
        machine=ports.machine,
        containers=ports.containers,
        slots=ports.slots,
        clock=ports.clock,
        finalize=FinalizeRun.of(ports, ports.settings.console_url),
        dispatch=partial(dispatch_runs, None, ports),
    )
    done = reaped.to_log()
    logger.info("runs reaped", extra=done)
    return done
