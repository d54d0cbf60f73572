"""Whether what arrived at a gate is enough: the rule, and how it is told."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from headgate.domain.first_of import first_of
from headgate.domain.gate import Awaited, Gate
from headgate.domain.gate_state import GateState
from headgate.domain.local_moment import last_two

_NAMED = 6


@dataclass(frozen=True, slots=True)
class Open:
    """It opens. at: since when (epoch seconds). detail: what arrived and what is late, for a person."""

    at: float
    detail: str
    by_deadline: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """It waits. until: when it opens if nothing else arrives (epoch seconds). text: for a person."""

    text: str
    until: float | None = None


def key_of(awaited: Awaited) -> str:
    """What arrivals are filed under: it stays the same when the gate gets further entries, or another name."""
    base = f"{awaited.kind}/{awaited.name}"
    if not awaited.where:
        return base
    text = json.dumps({name: list(patterns) for name, patterns in awaited.where.items()}, sort_keys=True)
    return f"{base}?{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def label_of(awaited: Awaited) -> str:
    """How a person knows it: `stripe`, `job core`, `landing erp/*`."""
    if awaited.kind == "job":
        return f"job {awaited.name}"
    keys = awaited.where.get("key", ()) if awaited.kind == "s3" else ()
    return " ".join((awaited.name, *keys))


def decide(gate: Gate, state: GateState, now: float) -> Open | Wait:
    """Whether it opens now. What it counts lies within `within` seconds; all that arrived is what opens."""
    counted = _together(gate, state)
    labels = {key_of(one): label_of(one) for one in gate.awaits}
    there = [label for key, label in labels.items() if key in counted]
    missing = [label for key, label in labels.items() if key not in counted]
    needed = min(max(gate.needed, 1), len(labels)) if labels else 1
    share = f"{len(there)} of {len(labels)}"
    quiet_at = state.heard_at + gate.debounce
    enough = len(there) >= needed
    if enough and quiet_at <= now:
        return Open(now, f"{share}: {first_of(there, _NAMED)}")
    due = _due(gate, state, now)
    if due is not None:
        told = f"{share} at {gate.else_at}" + (f": {first_of(there, _NAMED)}" if there else "")
        return Open(due, told + (f"; late: {first_of(missing, _NAMED)}" if missing else ""), by_deadline=True)
    if enough:
        told = f"opens at {_clock(quiet_at, gate.timezone)} after {_span(gate.debounce)} of quiet"
        return Wait(told, quiet_at)
    return Wait(_waits(gate, len(there), needed, len(labels), missing))


def watched(gate: Gate, state: GateState, now: float) -> GateState:
    """The state that knows the gate's deadline. One that is new holds for the times after now only."""
    deadline = f"{gate.else_at} {gate.timezone}" if gate.else_at else ""
    if deadline == state.deadline:
        return state
    return replace(state, deadline=deadline, since=now, passed=0.0)


def passed_over(gate: Gate, state: GateState, now: float) -> GateState:
    """The state for which a deadline that is due now does not count: nobody wants runs of the job."""
    due = _due(gate, state, now)
    return state if due is None else replace(state, passed=due)


def _together(gate: Gate, state: GateState) -> frozenset[str]:
    """The most things awaited that arrived within the gate's time of each other; of equally many the latest."""
    keys = {key_of(one) for one in gate.awaits}
    found = sorted((one.at, key) for one in state.arrivals for key in one.awaited if key in keys)
    if gate.within is None:
        return frozenset(key for _, key in found)
    best: frozenset[str] = frozenset()
    inside: dict[str, int] = {}
    start = 0
    for at, key in found:
        inside[key] = inside.get(key, 0) + 1
        while found[start][0] < at - gate.within:
            _drop(inside, found[start][1])
            start += 1
        if len(inside) >= len(best):
            best = frozenset(inside)
    return best


def _drop(inside: dict[str, int], key: str) -> None:
    inside[key] -= 1
    if not inside[key]:
        del inside[key]


def _due(gate: Gate, state: GateState, now: float) -> float | None:
    """The deadline at which it opens anyway, if there is one that nothing was done about."""
    if not gate.else_at or state.deadline != f"{gate.else_at} {gate.timezone}":
        return None
    before, last = last_two(gate.else_at, gate.timezone, now)
    done = last <= state.since or last <= state.passed or state.opened_at > before
    return None if done else last


def _waits(gate: Gate, there: int, needed: int, of: int, missing: Sequence[str]) -> str:
    among = "" if needed == of else f" out of {of}"
    lacking = "missing" if needed == of else "not yet"
    late = f"; at {gate.else_at} it opens anyway" if gate.else_at else ""
    return f"waits: {there} of {needed}{among}, {lacking} {first_of(missing, _NAMED)}{late}"


def _clock(at: float, timezone: str) -> str:
    return f"{datetime.fromtimestamp(at, ZoneInfo(timezone)):%H:%M:%S}".removesuffix(":00")


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min" if minutes and not rest else f"{round(seconds)} s"
