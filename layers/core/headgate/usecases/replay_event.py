"""Put a stored event on the bus once more."""

from collections.abc import Mapping
from typing import Any

from headgate.domain.events import ConnectorSynced, SignalReceived
from headgate.domain.instant import iso
from headgate.domain.stored_event import Trigger, on_the_bus, stored_trigger
from headgate.errors import InputError
from headgate.ports import Clock, EventBus, EventLog


def replay_event(
    event: Mapping[str, Any], *, events: EventLog, bus: EventBus, clock: Clock, again: str = ""
) -> str:
    """The id under which it was published. event: as in EventLog.recent.

    With its own id a job that was started by it does not start again; one that should have been, is. again: makes a
    new event of it, `<id>/again/<again>`, which happens now and starts everything once more. Raises InputError for an
    event that starts nothing, or cannot happen twice.
    """
    trigger = stored_trigger(event)
    if trigger is None:
        raise InputError(f"event {event['event_id']} starts nothing: there is nothing to publish again")
    if not again:
        return _once_more(event, trigger, events, bus)
    if not isinstance(trigger, ConnectorSynced | SignalReceived):
        raise InputError(f"event {event['event_id']} happened once: `headgate run JOB` starts a job again")
    event_id = f"{event['event_id']}/again/{again}"
    anew = trigger.model_copy(update={"event_id": event_id, "occurred_at": iso(clock.now())})
    events.record(event_id, {**event["detail"], "event": on_the_bus(anew)})
    bus.publish(anew)
    events.mark(event_id, "published")
    return event_id


def _once_more(event: Mapping[str, Any], trigger: Trigger, events: EventLog, bus: EventBus) -> str:
    event_id = str(event["event_id"])
    if event["outcome"] != "received":
        # Before it is told: whoever hears of it may be faster with what became of it.
        events.mark(event_id, "replayed")
    bus.publish(trigger)
    # What was never handed on stays so until it is: its sender may send it again.
    events.mark(event_id, "published")
    return event_id
