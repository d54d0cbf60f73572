"""What happened, in the words in which jobs wait for it: an event of the bus becomes signals, and a gate hears some."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headgate.domain.events import ConnectorSynced, RunFinished, SignalReceived
from headgate.domain.gate import Awaited, Gate
from headgate.domain.run import Cause

JOB, MODEL = "job", "model"


@dataclass(frozen=True, slots=True)
class Signal:
    """kind and names as in Awaited; attributes: what its `where` asks of."""

    kind: str
    names: tuple[str, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Happening:
    """One event with all that it may be waited for as. at: when it happened (epoch seconds), as its sender says.

    cause: of the runs that it starts by itself; its key is the event's id.
    """

    cause: Cause
    signals: tuple[Signal, ...]
    at: float

    @property
    def event_id(self) -> str:
        return self.cause.key


def of_sync(event: ConnectorSynced, now: float) -> Happening:
    """A connector's sync."""
    names = tuple(name for name in dict.fromkeys((event.connector_name, event.connector_id)) if name)
    label = event.connector_name or event.connector_id
    cause = Cause(event.provider, event.event_id, f"connector {label}, sync {event.sync_id}", names)
    return Happening(cause, (Signal(event.provider, names),), happened_at(event.occurred_at, now))


def of_signal(event: SignalReceived, now: float) -> Happening:
    """Whatever else arrived from outside."""
    detail = event.detail or f"{event.kind} {', '.join(event.names)}"
    signal = Signal(event.kind, event.names, event.attributes)
    return Happening(
        Cause(event.kind, event.event_id, detail), (signal,), happened_at(event.occurred_at, now)
    )


def of_run_end(event: RunFinished, models: Iterable[str], ended_at: str | None, now: float) -> Happening:
    """A run's end. models: unique ids of those that it built with success, whatever became of the rest."""
    cause = Cause(
        JOB, run_event(event.run_id), f"job {event.job} ended as {event.status} (run {event.run_id})"
    )
    of_job = Signal(JOB, (event.job,), {"status": event.status, "environment": event.environment})
    of_models = (Signal(MODEL, _model_names(event.job, unique_id)) for unique_id in models)
    return Happening(cause, (of_job, *of_models), happened_at(ended_at or "", now))


def _model_names(job: str, unique_id: str) -> tuple[str, ...]:
    """By id and by name; a version of a model (`model.core.dim_customers.v2`) by the model's name as well."""
    name = unique_id.split(".", 2)[-1]
    return tuple(dict.fromkeys(f"{job}/{text}" for text in (unique_id, name, name.partition(".")[0])))


def run_event(run_id: int) -> str:
    """The event id of a run's end."""
    return f"run/{run_id}"


def happened_at(text: str, arrived_at: float) -> float:
    """Epoch seconds. Nothing happens after it was heard of, whatever the sender's clock says.

    A time that cannot be read is the time of arrival. A clock ahead of ours would hide everything later until then.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return arrived_at
    return min((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), arrived_at)


def heard(gate: Gate, signals: Iterable[Signal]) -> tuple[Awaited, ...]:
    """What of it the gate waits for."""
    found = tuple(signals)
    return tuple(one for one in gate.awaits if any(matches(one, signal) for signal in found))


def matches(awaited: Awaited, signal: Signal) -> bool:
    """Its kind, one of its names, and of every attribute that is asked for one of the patterns."""
    return (
        awaited.kind == signal.kind
        and awaited.name in signal.names
        and all(
            any(fits(pattern, signal.attributes.get(name, "")) for pattern in patterns)
            for name, patterns in awaited.where.items()
        )
    )


def fits(pattern: str, text: str) -> bool:
    """Whether the whole text is like the pattern: `*` any characters, `?` any one, case as it is.

    After a mismatch only the last `*` takes one character more: quadratic at worst, whatever anybody writes.
    """
    at, place, star, taken = 0, 0, -1, 0
    while at < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, taken = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", text[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            taken += 1
            at, place = taken, star + 1
        else:
            return False
    return all(letter == "*" for letter in pattern[place:])
