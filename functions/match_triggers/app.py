"""An event (data that arrived, a run that ended, a schedule that came due) starts the jobs that wait for it.

Once a minute it opens the gates that wait for nothing but the time, and starts what came due and was never told of.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.adapters.webhooks import s3
from headgate.bootstrap import World, world
from headgate.domain.run import Run
from headgate.domain.stored_event import trigger_of
from headgate.observability import logger
from headgate.usecases.catch_up import catch_up
from headgate.usecases.match_triggers import match_triggers
from headgate.usecases.one_by_one import one_by_one
from headgate.usecases.open_gates import open_gates
from headgate.usecases.record_event import record_event

# EventBridge's own word for what a rule with a schedule sends.
EVERY_MINUTE = "Scheduled Event"


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if event["detail-type"] == EVERY_MINUTE:
        started = look(world())
    elif event["detail-type"] == s3.DETAIL_TYPE:
        started = hear_object(event, world())
    else:
        started = match_triggers(trigger_of(event["detail-type"], event["detail"]), world())
    numbers = [run.run_id for run in started]
    if numbers or event["detail-type"] != EVERY_MINUTE:
        logger.info("triggers matched", trigger=event["detail-type"], runs=numbers)
    return {"runs": numbers}


def hear_object(event: dict[str, Any], ports: World) -> list[Run]:
    """S3 tells of an object on the account's own bus, past receive_webhook."""
    found = s3.read(event)
    if found is None:
        return []
    event_id, signal, detail = found
    record_event(event_id, "s3", signal.origin, detail, signal, events=ports.events)
    return match_triggers(signal, ports)


def look(ports: World) -> list[Run]:
    """What begins because of the time; neither of the two holds up the other."""

    def caught_up() -> list[Run]:
        return catch_up(
            jobs=ports.jobs,
            activities=ports.activities,
            runs=ports.runs,
            bus=ports.bus,
            events=ports.events,
            clock=ports.clock,
        )

    return one_by_one((lambda: open_gates(ports), caught_up), lambda begin: begin())
