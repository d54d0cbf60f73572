"""What starts a job, in words for people: a line for each gate and each schedule."""

from collections.abc import Iterable, Sequence

from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import Job
from headgate.domain.schedule_words import describe

ONLY_WHEN_ASKED = "only when asked"


def describe_when(job: Job) -> list[str]:
    """`fivetran salesforce, stripe: all within 2 h, else at 07:00 Europe/Berlin`, `after load_core (success)`,
    `at 06:00 on weekdays, Europe/Berlin`. Raises ScheduleError for a schedule that cannot be read.
    """
    told = [f"{awaited_words(gate.awaits)}{gate_words(gate)}" for gate in job.gates]
    return [*told, *(describe(schedule) for schedule in job.schedules)] or [ONLY_WHEN_ASKED]


def gate_words(gate: Gate) -> str:
    """`: all within 2 h, else at 07:00 Europe/Berlin`: how much of it is enough; empty where one thing is awaited."""
    told = [_needed(gate)] if len(gate.awaits) > 1 else []
    if gate.within is not None:
        told.append(f"within {span_words(gate.within)}")
    parts = [" ".join(told)] if told else []
    if gate.debounce:
        parts.append(f"{span_words(gate.debounce)} after the last")
    if gate.else_at:
        parts.append(f"else at {gate.else_at} {gate.timezone}")
    return f": {', '.join(parts)}" if parts else ""


def _needed(gate: Gate) -> str:
    if gate.needed >= len(gate.awaits):
        return "all"
    return "any" if gate.needed <= 1 else f"any {gate.needed} of {len(gate.awaits)}"


def awaited_words(awaits: Sequence[Awaited]) -> str:
    """`fivetran salesforce, stripe + after load_core (success)`: kind by kind, in the order they are written."""
    kinds: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for one in awaits:
        kinds.setdefault((_kind(one), _where(one)), []).append(_name(one))
    return " + ".join(_said(kind, names, where) for (kind, where), names in kinds.items())


def _said(kind: str, names: Iterable[str], where: Sequence[str]) -> str:
    told = f"{kind} {', '.join(names)}"
    return f"{told} ({'; '.join(where)})" if where else told


def _kind(one: Awaited) -> str:
    return {"job": "after", "model": "after model"}.get(one.kind, one.kind)


def _name(one: Awaited) -> str:
    return f"{one.name}/{_patterns(one, 'key')}" if "key" in one.where else one.name


def _where(one: Awaited) -> tuple[str, ...]:
    return tuple(_patterns(one, name) for name in one.where if name != "key")


def _patterns(one: Awaited, name: str) -> str:
    return ", ".join(one.where[name])


def span_words(seconds: float) -> str:
    """`2 h`, `1 h 30 min`, `90 s`."""
    minutes, rest = divmod(round(seconds), 60)
    if rest:
        return f"{round(seconds)} s"
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    return " ".join(parts) or "0 s"
