"""Keep an event that did not come by receive_webhook like those that did."""

from headgate.domain.due import KIND, due_text
from headgate.domain.events import ScheduleFired
from headgate.domain.stored_event import Trigger, event_of_log
from headgate.ports import EventLog


def record_event(
    event_id: str, provider: str, origin: str, detail: str, event: Trigger, *, events: EventLog
) -> None:
    """It is on the bus already, or was never to be. Safe to repeat."""
    if events.record(event_id, event_of_log(provider, origin, detail, event)):
        events.mark(event_id, "published")


def record_due_time(job: str, at: float, *, events: EventLog) -> str:
    """The id under which this due time of a job (epoch seconds) is kept, whoever noticed that it came."""
    text = due_text(at)
    event_id = f"{KIND}/{job}/{text}"
    fired = ScheduleFired(job=job, scheduled_time=text)
    record_event(event_id, KIND, job, f"schedule of {job}, due {text}", fired, events=events)
    return event_id
