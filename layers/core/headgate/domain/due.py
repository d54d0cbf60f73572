"""When a schedule came due, as text: what makes a scheduled run's cause unique.

The due time is the schedule's, never the delivery's, so that whoever notices it (EventBridge Scheduler, as often as it
likes, or the look for what was missed) speaks of the same cause.
"""

from datetime import UTC, datetime

from headgate.domain.run import Cause
from headgate.errors import ScheduleError

KIND = "schedule"


def due_text(at: float) -> str:
    """Epoch seconds -> `2026-01-31T06:00:00Z`, as EventBridge Scheduler writes it. Parts of a second are dropped."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def due_at(text: str) -> float:
    """The epoch seconds of a due time; without an offset it is in UTC. Raises ScheduleError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise ScheduleError(f"{text!r} is not a due time such as 2026-01-31T06:00:00Z") from fault
    return float(int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


def due_cause(at: float) -> Cause:
    """The cause of the run of this due time (epoch seconds)."""
    text = due_text(at)
    return Cause(KIND, text, f"schedule, due {text}")
