"""When a schedule of EventBridge Scheduler is due: the part without the emulator."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

NextCron = Callable[[str, datetime], datetime | None]
"""(cron expression, wall clock time) -> the next wall clock time after it, both naive."""

AT = re.compile(r"at\((?P<time>[^)]+)\)")
RATE = re.compile(r"rate\((?P<count>\d+)\s+(?P<unit>minute|hour|day)s?\)")


def due_time(
    expression: str, zone: str, *, created: datetime, last: datetime | None, next_cron: NextCron
) -> datetime | None:
    """The moment (UTC) at which the schedule fires next, given when it last fired; None: never again.

    The expression is read on the wall clock of ``zone``, an IANA name. A rate counts from the creation.
    """
    since = last or created
    if found := AT.fullmatch(expression.strip()):
        moment = datetime.fromisoformat(found["time"]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        return moment if last is None else None
    if found := RATE.fullmatch(expression.strip()):
        return since + timedelta(**{f"{found['unit']}s": int(found["count"])})
    wall_clock = since.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    following = next_cron(expression, wall_clock)
    return following and following.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def with_context(
    text: str, *, scheduled: datetime, execution_id: str, schedule_arn: str, attempt: int = 1
) -> str:
    """Replace the context attributes of EventBridge Scheduler in a target's input."""
    values = {
        "scheduled-time": scheduled.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": execution_id,
        "schedule-arn": schedule_arn,
        "attempt-number": str(attempt),
    }
    for name, value in values.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text
