"""EventBridge Scheduler honours time zones and fills in its context attributes.

ministack stores ``ScheduleExpressionTimezone`` and fires in UTC, passes ``<aws.scheduler.scheduled-time>`` on
as it stands, looks every ten seconds, drops half of a schedule's properties when CloudFormation makes it, and
lists a hundred of them without a word of the others. The loop over due schedules is replaced; delivery to targets
stays ministack's.
"""

import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any

from ministack.core import responses
from ministack.services import eventbridge, scheduler
from ministack.services.cloudformation import provisioners

from headgate_local.emulator.anchors import anchor, anchor_key
from headgate_local.emulator.schedule_times import due_time, with_context

LOOK_EVERY_SECONDS = 1
KEPT_BY_CLOUDFORMATION = ("ScheduleExpressionTimezone", "StartDate", "EndDate")
SCHEDULE = "AWS::Scheduler::Schedule"
_LITTLE = 0.001
logger = logging.getLogger("headgate.schedules")
_started = time.time()


def install() -> None:
    anchor(scheduler, "_SCHEDULE_TICK_INTERVAL")
    anchor(scheduler, "_tick_schedules")
    anchor(scheduler, "_schedule_last_fired")
    anchor(scheduler, "_to_epoch", "value")
    anchor(eventbridge, "_parse_cron_fields")
    anchor(eventbridge, "_cron_next_fire", "fields", "after_dt")
    anchor(eventbridge, "_invoke_target", "target", "event", "rule")
    _list_all()
    scheduler._SCHEDULE_TICK_INTERVAL = LOOK_EVERY_SECONDS
    scheduler._tick_schedules = fire_due_schedules
    _keep_properties()


def _keep_properties() -> None:
    handler = anchor_key(provisioners._RESOURCE_HANDLERS, SCHEDULE, "provisioners._RESOURCE_HANDLERS")
    create = handler["create"]

    def create_with_properties(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        name, attributes = create(logical_id, properties, stack)
        schedule = scheduler._schedules[f"{properties.get('GroupName', 'default')}/{name}"]
        schedule.update({key: properties[key] for key in KEPT_BY_CLOUDFORMATION if key in properties})
        return name, attributes

    handler["create"] = create_with_properties


def _list_all() -> None:
    """On one page, however many they are: whoever asks for the next one is told that there is none."""
    anchor(scheduler, "_list_schedules", "query")
    list_a_page = scheduler._list_schedules

    def list_all(query: dict[str, Any]) -> Any:
        return list_a_page({**query, "MaxResults": str(sys.maxsize)})

    scheduler._list_schedules = list_all


def _next_cron(expression: str, wall_clock: datetime) -> datetime | None:
    fields = eventbridge._parse_cron_fields(expression)
    following = fields and eventbridge._cron_next_fire(fields, wall_clock.replace(tzinfo=UTC))
    return following.replace(tzinfo=None) if following else None


def fire_due_schedules() -> None:
    """Deliver every enabled schedule whose time has come, in its own account and region."""
    now = datetime.now(UTC)
    for key, schedule in list(scheduler._schedules._data.items()):
        account, region, _ = key
        try:
            scheduled = _due(key, schedule, now)
            if scheduled is not None:
                with responses.request_scope(account, region):
                    _fire(schedule, scheduled)
        except Exception:
            logger.exception("schedule %s was not delivered", key[-1])


def _due(key: Any, schedule: dict[str, Any], now: datetime) -> datetime | None:
    """The scheduled time if it has come; notes that the schedule fired, and removes what is over."""
    start, end = (scheduler._to_epoch(schedule.get(name)) for name in ("StartDate", "EndDate"))
    if schedule.get("State") != "ENABLED" or (start and now.timestamp() < start):
        return None
    fired = scheduler._schedule_last_fired
    # Times missed while the stack was down, or before the schedule was last changed, are not made up for.
    created = max(_started, scheduler._to_epoch(schedule["LastModificationDate"]))
    last = datetime.fromtimestamp(fired[key], UTC) if fired.get(key, 0) > created else None
    scheduled = due_time(
        schedule.get("ScheduleExpression", ""),
        schedule.get("ScheduleExpressionTimezone") or "UTC",
        created=datetime.fromtimestamp(created, UTC),
        last=last,
        next_cron=_next_cron,
        start=datetime.fromtimestamp(start, UTC) if start else None,
    )
    over = end is not None and now.timestamp() > end
    if scheduled is None or over:
        if schedule.get("ActionAfterCompletion") == "DELETE":
            scheduler._schedules._data.pop(key, None)
        return None
    if scheduled > now:
        return None
    # The due time, not now: what comes due while this loop is held up is late, not lost.
    fired[key] = max(scheduled.timestamp(), created + _LITTLE)
    return scheduled


def _fire(schedule: dict[str, Any], scheduled: datetime) -> None:
    target = dict(schedule.get("Target") or {})
    execution_id = responses.new_uuid()
    if "Input" in target:
        target["Input"] = with_context(
            target["Input"],
            scheduled=scheduled,
            execution_id=execution_id,
            schedule_arn=schedule.get("Arn", ""),
        )
    event = {
        "EventId": execution_id,
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": scheduled.timestamp(),
        "Resources": [schedule.get("Arn", "")],
        "Account": responses.get_account_id(),
        "Region": responses.get_region(),
    }
    eventbridge._invoke_target(target, event, schedule)
