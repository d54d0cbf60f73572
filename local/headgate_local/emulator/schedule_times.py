"""When a schedule of EventBridge Scheduler is due: the part without the emulator."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

# Scheduler delivers within the minute.
PRECISION = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)
NextCron = Callable[[str, datetime], datetime | None]
"""(cron expression, wall clock time) -> the next wall clock time after it, both naive."""

AT = re.compile(r"at\((?P<time>[^)]+)\)")
RATE = re.compile(r"rate\((?P<count>\d+)\s+(?P<unit>minute|hour|day)s?\)")


def due_time(
    expression: str,
    zone: str,
    *,
    created: datetime,
    last: datetime | None,
    next_cron: NextCron,
    start: datetime | None = None,
) -> datetime | None:
    """The moment (UTC) at which the schedule fires next, given when it was last due; None: never again.

    The expression is read on the wall clock of ``zone``, an IANA name: a time that does not exist there is left out,
    one that comes twice is taken the first time. A rate counts from its start, or else from the creation. A one-off
    that was over before the creation stays so.
    """
    since = max(created, start - INSTANT) if start else created
    since = max(since, last) if last else since
    if found := AT.fullmatch(expression.strip()):
        moment = datetime.fromisoformat(found["time"]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        return moment if last is None and moment > created - PRECISION else None
    if found := RATE.fullmatch(expression.strip()):
        step = timedelta(**{f"{found['unit']}s": int(found["count"])})
        begun = start if start else created + step
        return begun + max(0, (since - begun) // step + 1) * step
    return _next_of_cron(expression, ZoneInfo(zone), since, next_cron)


def _next_of_cron(expression: str, zone: ZoneInfo, since: datetime, next_cron: NextCron) -> datetime | None:
    wall_clock: datetime | None = since.astimezone(zone).replace(tzinfo=None)
    while wall_clock and (wall_clock := next_cron(expression, wall_clock)):
        moment = wall_clock.replace(tzinfo=zone).astimezone(UTC)
        exists = moment.astimezone(zone).replace(tzinfo=None) == wall_clock
        if exists and moment > since:
            return moment
    return None


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
