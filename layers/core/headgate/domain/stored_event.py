"""An event of the log, as the event of the bus that it was."""

from collections.abc import Mapping
from typing import Any

from headgate.domain.events import ConnectorSynced, RunFinished, ScheduleFired, SignalReceived
from headgate.domain.signal import Happening, of_run_end, of_signal, of_sync

Trigger = ConnectorSynced | SignalReceived | ScheduleFired | RunFinished
_KINDS: dict[str, type[Trigger]] = {
    kind.detail_type(): kind for kind in (ConnectorSynced, SignalReceived, ScheduleFired, RunFinished)
}


def trigger_of(detail_type: str, detail: Mapping[str, Any]) -> Trigger:
    """Raises KeyError for what starts nothing, pydantic's ValidationError for what is none."""
    return _KINDS[detail_type].model_validate(detail)


def event_of_log(provider: str, origin: str, detail: str, event: Trigger | None) -> dict[str, Any]:
    """What the log keeps of an event (EventLog.record). event: what goes on the bus; None: it starts nothing."""
    kept: dict[str, Any] = {"provider": provider, "origin": origin, "detail": detail}
    return kept if event is None else kept | {"event": on_the_bus(event)}


def on_the_bus(event: Trigger) -> dict[str, Any]:
    """As `trigger_of` reads it."""
    return {"detail-type": event.detail_type(), "detail": event.model_dump(mode="json")}


def stored_trigger(event: Mapping[str, Any]) -> Trigger | None:
    """What went on the bus; None: nothing did, it starts nothing. event: as in EventLog.recent."""
    said = event["detail"].get("event") if isinstance(event["detail"], Mapping) else None
    if not said or said.get("detail-type") not in _KINDS:
        return None
    return trigger_of(said["detail-type"], said["detail"])


def happening_of(trigger: Trigger, now: float) -> Happening | None:
    """What it may be waited for as; of a run's end without its models, of a schedule nothing."""
    match trigger:
        case ConnectorSynced():
            return of_sync(trigger, now)
        case SignalReceived():
            return of_signal(trigger, now)
        case RunFinished():
            return of_run_end(trigger, (), None, now)
    return None
