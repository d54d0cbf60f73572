"""An event (a sync that ended, a schedule that came due) starts the jobs that wait for it."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.bootstrap import world
from headgate.domain.events import ConnectorSynced, ScheduleFired
from headgate.observability import logger
from headgate.usecases.match_triggers import match_triggers

EVENTS = {kind.detail_type(): kind for kind in (ConnectorSynced, ScheduleFired)}


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    ports = world()
    received = EVENTS[event["detail-type"]].model_validate(event["detail"])
    started = match_triggers(
        received,
        jobs=ports.jobs,
        runs=ports.runs,
        events=ports.events,
        freshness=ports.freshness,
        bus=ports.bus,
        clock=ports.clock,
    )
    logger.info("triggers matched", trigger=event["detail-type"], runs=[run.run_id for run in started])
    return {"runs": [run.run_id for run in started]}
