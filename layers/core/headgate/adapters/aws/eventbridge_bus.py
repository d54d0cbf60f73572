"""Our events on an EventBridge bus."""

from typing import TYPE_CHECKING

from headgate.adapters.aws.failures import translated
from headgate.domain.events import Event
from headgate.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

# PutEvents' own limit.
_AT_ONCE = 10


class EventBridgeBus:
    """EventBus on one bus."""

    def __init__(self, client: "EventBridgeClient", bus: str) -> None:
        self._client, self._bus = client, bus

    def publish(self, *events: Event) -> None:
        """Raises UnavailableError when any was not taken; the caller may publish all of them again."""
        for start in range(0, len(events), _AT_ONCE):
            self._put(events[start : start + _AT_ONCE])

    def _put(self, events: tuple[Event, ...]) -> None:
        with translated(f"the bus {self._bus}"):
            answer = self._client.put_events(
                Entries=[
                    {
                        "Source": event.source,
                        "DetailType": event.detail_type(),
                        "Detail": event.model_dump_json(),
                        "EventBusName": self._bus,
                    }
                    for event in events
                ]
            )
        if answer.get("FailedEntryCount"):
            codes = {entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry}
            raise UnavailableError(
                f"the bus {self._bus} did not take {answer['FailedEntryCount']} events: {sorted(codes)}"
            )
