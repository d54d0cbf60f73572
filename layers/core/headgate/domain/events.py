"""What travels on the bus: our EventBridge detail types. Past tense, one model each; unknown fields are ignored.

Events carry the names of records, never the records: the table is the truth and a late event does no harm.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

SOURCE = "headgate"


class Event(BaseModel):
    """Root of the bus's messages; the class name is the detail type."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    source: ClassVar[str] = SOURCE

    @classmethod
    def detail_type(cls) -> str:
        return cls.__name__


class ConnectorSynced(Event):
    """A connector ended a sync successfully. `event_id` is the inbound event's deduplication key.

    new_data: False when the provider says that the sync moved nothing.
    """

    event_id: str
    provider: str
    origin: str
    connector_id: str
    connector_name: str = ""
    sync_id: str = ""
    occurred_at: str = ""
    new_data: bool = True


class SignalReceived(Event):
    """Something else arrived that a job may wait for (domain/gate.Awaited says of what kinds, and how it is called).

    names: what it may be waited for as. attributes: what patterns may ask of it. detail: one line for a person.
    """

    event_id: str
    kind: str
    origin: str
    names: tuple[str, ...]
    attributes: dict[str, str] = {}
    detail: str = ""
    occurred_at: str = ""


class ScheduleFired(Event):
    """A job's schedule came due. `scheduled_time` is the due time, not the delivery's (ISO 8601, UTC)."""

    job: str
    scheduled_time: str


class RunQueued(Event):
    """A run waits to be dispatched."""

    run_id: int
    job: str


class RunFinished(Event):
    """A run reached a final status."""

    run_id: int
    job: str
    environment: str
    status: str
