"""A run was queued, or another one ended and made room: start the executions that may start now."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.bootstrap import world
from headgate.domain.events import RunQueued
from headgate.observability import logger
from headgate.usecases.dispatch_runs import dispatch_runs


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    ports = world()
    queued = event.get("detail-type") == RunQueued.detail_type()
    announced = RunQueued.model_validate(event["detail"]).run_id if queued else None
    started = dispatch_runs(announced, ports)
    logger.info("runs dispatched", runs=started)
    return {"started": started}
