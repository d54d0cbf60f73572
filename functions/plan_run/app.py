"""State PlanRun: a step's command and the published index become a plan and a queue."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.bootstrap import world
from headgate.observability import logger
from headgate.usecases.plan_run import plan_run


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, object]:
    logger.append_keys(run_id=event["run_id"])
    planned = plan_run(int(event["run_id"]), int(event["step"]), world())
    logger.info("step planned", extra=planned.to_state())
    return planned.to_state()
