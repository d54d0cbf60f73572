"""A minute went by: start the runs that wait although they could start."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.bootstrap import world
from headgate.observability import logger
from headgate.usecases.dispatch_runs import dispatch_runs


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    ports = world()
    started = dispatch_runs(None, runs=ports.runs, machine=ports.machine)
    logger.info("runs reaped", started=started)
    return {"started": started}
