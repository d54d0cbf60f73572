"""What arrives, and what is told further."""

from collections.abc import Mapping
from typing import Any, Protocol

from headgate.domain.alerts import Alert
from headgate.domain.events import Event


class EventLog(Protocol):
    """Inbound events, each stored once before it is answered. Kept seven days."""

    def record(self, event_id: str, detail: Mapping[str, Any]) -> bool:
        """Store it durably. False: this event is known *and* was handed on before."""
        ...

    def mark(self, event_id: str, outcome: str) -> None:
        """`published`, `ignored`, `unmapped`: what became of it. `published` replaces nothing but the beginning."""
        ...

    def recent(self, limit: int = 50) -> list[dict[str, Any]]: ...


class EventBus(Protocol):
    """The bus. An event published twice must do no harm to anyone."""

    def publish(self, *events: Event) -> None: ...


class AlertTopic(Protocol):
    """Where alerts leave the run: SNS."""

    def publish(self, alert: Alert) -> None: ...


class Notifier(Protocol):
    """One channel kind: an alert becomes a request to somebody's HTTP endpoint."""

    def send(self, alert: Alert, address: str) -> None:
        """Raises UnavailableError when it may be tried again, InputError when the address is wrong."""
        ...
