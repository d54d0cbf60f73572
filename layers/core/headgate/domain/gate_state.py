"""What a gate remembers of what arrived, until it opens: the same whatever the order of the arrivals.

It opens in two writes: what opens is set apart under the next number (`opening`), then its run is made, whose cause has
that number, and then it is put away. Whoever finds an opening finishes it, so dying in between loses nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from headgate.domain.run import Cause

# A stored state has 400 kB, and a run as well, which takes over the causes. Of each thing awaited the latest arrival is
# always kept; of the earlier ones as many as fit into this, the others are only counted.
EARLIER_BYTES = 30_000
_DETAIL = 200


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event that the gate waits for. awaited: what it is (domain/gate_rule.key_of), of which it may be several.

    at: when it happened; heard_at: when we heard of it; both epoch seconds.
    """

    awaited: tuple[str, ...]
    cause: Cause
    at: float
    heard_at: float

    @property
    def event_id(self) -> str:
        return self.cause.key

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        texts = (*self.awaited, self.cause.key, self.cause.detail, *self.cause.connectors)
        return 120 + sum(len(text.encode()) + 4 for text in texts)


@dataclass(frozen=True, slots=True)
class Counted:
    """Earlier arrivals of one thing awaited that are kept as a number. connectors: of all of them."""

    awaited: str
    number: int
    kind: str
    connectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """What opened the gate, until its run was made. cause: of that run."""

    cause: Cause
    arrivals: tuple[Arrival, ...] = ()
    counted: tuple[Counted, ...] = ()

    @property
    def also(self) -> tuple[Cause, ...]:
        """Everything that arrived, as causes of the run."""
        more = (
            Cause(
                one.kind,
                f"{self.cause.key}/{one.awaited}",
                f"{one.number} more of {one.awaited}",
                one.connectors,
            )
            for one in self.counted
        )
        return (*(arrival.cause for arrival in self.arrivals), *more)


@dataclass(frozen=True, slots=True)
class GateState:
    """arrivals: by the time they happened. generation: number of the last opening.

    opened_at: when it last opened (epoch seconds); for a deadline the deadline itself. deadline, since: the gate's
    `else_at`, and since when it is known here; passed: the last one that was acted upon, or passed over.
    version: of the stored record; 0: there is none.
    """

    job: str
    gate: str
    version: int = 0
    generation: int = 0
    arrivals: tuple[Arrival, ...] = ()
    counted: tuple[Counted, ...] = ()
    heard_at: float = 0.0
    opening: Opening | None = None
    opened_at: float = 0.0
    deadline: str = ""
    since: float = 0.0
    passed: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether somebody has to look at it from time to time."""
        return bool(self.arrivals or self.counted or self.opening or self.deadline)


def with_arrival(state: GateState, arrival: Arrival) -> GateState:
    """The state after one more arrival, which must be new (GateStore.arrive sees to it)."""
    slim = replace(arrival, cause=_slim(arrival.cause))
    kept, left_out = _kept((*state.arrivals, slim))
    counted = state.counted
    for one in left_out:
        counted = _count(counted, one)
    return replace(
        state,
        arrivals=kept,
        counted=counted,
        heard_at=max(state.heard_at, arrival.heard_at),
    )


def without_arrival(state: GateState, arrival: Arrival) -> GateState:
    """The state when another gate has taken this one over."""
    left = tuple(one for one in state.arrivals if one.event_id != arrival.event_id)
    return replace(state, arrivals=left)


def taken_over(state: GateState, arrival: Arrival) -> GateState:
    """The state with an arrival of another gate, which may have come here as well."""
    if any(one.event_id == arrival.event_id for one in state.arrivals):
        return state
    return with_arrival(state, arrival)


def begun(state: GateState, detail: str, at: float) -> GateState:
    """All that arrived is what opens; what arrives from now on is for the next time. detail: of the run's cause."""
    number = state.generation + 1
    connectors = _connectors(state)
    cause = Cause("gate", f"gate/{state.gate}/{number}", detail, connectors)
    return replace(
        state,
        generation=number,
        arrivals=(),
        counted=(),
        heard_at=0.0,
        opening=Opening(cause, state.arrivals, state.counted),
        opened_at=at,
    )


def ended(state: GateState) -> GateState:
    """The run of its opening was made."""
    return replace(state, opening=None)


def emptied(state: GateState) -> GateState:
    """Nothing of it is waited for any more. Its number stays: a gate of this name must not open under an old one."""
    return GateState(state.job, state.gate, state.version, state.generation, opened_at=state.opened_at)


def _connectors(state: GateState) -> tuple[str, ...]:
    """The union. None, if something arrived that is of no connector: then not only their data is new."""
    found = [
        *(arrival.cause.connectors for arrival in state.arrivals),
        *(one.connectors for one in state.counted),
    ]
    return tuple(dict.fromkeys(name for names in found for name in names)) if all(found) else ()


def _slim(cause: Cause) -> Cause:
    return replace(
        cause, detail=cause.detail if len(cause.detail) <= _DETAIL else cause.detail[:_DETAIL] + "…"
    )


def _kept(arrivals: Iterable[Arrival]) -> tuple[tuple[Arrival, ...], tuple[Arrival, ...]]:
    """What is kept, and what is only counted. Which it is depends on what arrived, never on the order.

    The earlier ones are cut off at the first that has no room: one that was cut off would be so in any larger set.
    """
    newest_first = sorted(arrivals, key=lambda one: (one.at, one.event_id), reverse=True)
    seen: set[str] = set()
    kept, left_out, room = [], [], float(EARLIER_BYTES)
    for one in newest_first:
        if set(one.awaited) <= seen:
            room = room - one.size if one.size <= room else -1.0
            if room < 0:
                left_out.append(one)
                continue
        seen.update(one.awaited)
        kept.append(one)
    return tuple(reversed(kept)), tuple(left_out)


def _count(counted: tuple[Counted, ...], one: Arrival) -> tuple[Counted, ...]:
    awaited = min(one.awaited, default="")
    known = {entry.awaited: entry for entry in counted}
    before = known.get(awaited, Counted(awaited, 0, one.cause.kind))
    connectors = tuple(sorted({*before.connectors, *one.cause.connectors}))
    known[awaited] = replace(before, number=before.number + 1, connectors=connectors)
    return tuple(known[name] for name in sorted(known))
