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

    def note(self, event_id: str, job: str, text: str, run_id: int | None = None) -> None:
        """What was decided about it for a job; the last note of a job holds, but none replaces one with a run.

        Of an event that is not known nothing is kept.
        """
        ...

    def get(self, event_id: str) -> dict[str, Any]:
        """As one of `recent`. Raises NotFoundError."""
        ...

    def recent(self, limit: int = 50) -> list[dict[str, Any]]:
        """Newest first: event_id, received_at, outcome, detail, notes ({job, text, run_id, at}, by job)."""
        ...


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
