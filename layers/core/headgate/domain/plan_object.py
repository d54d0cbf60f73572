"""A plan as a JSON object: the same for the command line, the API and whoever reads a run's record.

Fields are only ever added. Instants are ISO 8601 in UTC, lengths of time seconds, costs US dollars.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headgate.domain.forecast import StepForecast, against, forecast
from headgate.domain.instant import iso
from headgate.domain.job import Deadline, Environment
from headgate.domain.list_schedule import Span
from headgate.domain.plan import Plan, PlannedNode


@dataclass(frozen=True)
class Planned:
    """The steps of one run as they are planned. commands: as the job has them, one for each plan.

    run_id: None of a run that does not exist. at: when it begins (epoch seconds); start_up: seconds until a runner
    builds. notes: what is uncertain about all of it.
    """

    job: str
    environment: Environment
    bundle: str
    commands: tuple[str, ...]
    plans: tuple[Plan, ...]
    at: float
    start_up: float
    run_id: int | None = None
    deadline: Deadline | None = None
    notes: tuple[str, ...] = ()


def plan_object(planned: Planned) -> dict[str, Any]:
    """What is built and reused, why, in which order, when, and what it costs."""
    forecasts = forecast(planned.plans, planned.environment, now=planned.at, start_up=planned.start_up)
    steps = [
        _step_object(command, plan, found)
        for command, plan, found in zip(planned.commands, planned.plans, forecasts, strict=True)
    ]
    ends = forecasts[-1].span.end if forecasts else planned.at
    return {
        "job": planned.job,
        "environment": planned.environment.name,
        "bundle": planned.bundle,
        "run_id": planned.run_id,
        "steps": steps,
        "counts": _counts([node for plan in planned.plans for node in plan.nodes]),
        "start": iso(planned.at),
        "end": iso(ends),
        "seconds": round(ends - planned.at, 3),
        "warehouse_seconds": round(sum(found.warehouse_seconds for found in forecasts), 3),
        "saved_seconds": round(sum(found.saved_seconds for found in forecasts), 3),
        "cost": _cost_object(forecasts),
        "deadline": _deadline_object(planned.deadline, planned.at, ends),
        "notes": list(planned.notes),
    }


def _step_object(command: str, plan: Plan, found: StepForecast) -> dict[str, Any]:
    critical = frozenset(found.critical)
    return {
        "step": plan.step,
        "command": command,
        "engine": plan.engine.value,
        "reuse": plan.reuse,
        "looks": plan.look,
        "runners": plan.runners if plan.has_turn else 0,
        "threads": plan.threads,
        "nodes": [_node_object(node, found.nodes.get(node.unique_id), critical) for node in plan.nodes],
        "counts": _counts(plan.nodes),
        "reasons": dict(Counter(node.decision.reason.value for node in plan.nodes).most_common()),
        "critical_path": list(found.critical),
        **_span_object(found.span),
        "warehouse_seconds": round(found.warehouse_seconds, 3),
        "saved_seconds": round(found.saved_seconds, 3),
        "cost": _cost_object([found]),
        "notes": list(plan.notes),
    }


def _node_object(node: PlannedNode, span: Span | None, critical: frozenset[str]) -> dict[str, Any]:
    decision = node.decision
    return {
        "unique_id": node.unique_id,
        "resource_type": node.resource_type,
        "materialized": node.materialized,
        "action": decision.action.value,
        "reason": decision.reason.value,
        "fact": decision.fact,
        "due_at": decision.due_at,
        "predicted_seconds": node.predicted_seconds,
        **(_span_object(span) if span else {"start": None, "end": None, "seconds": None}),
        "critical": node.unique_id in critical,
        "unit_tests": list(node.unit_tests),
    }


def _span_object(span: Span) -> dict[str, Any]:
    return {"start": iso(span.start), "end": iso(span.end), "seconds": round(span.seconds, 3)}


def _counts(nodes: Sequence[PlannedNode]) -> dict[str, int]:
    built = sum(node.is_built for node in nodes)
    return {"nodes": len(nodes), "build": built, "reuse": len(nodes) - built}


def _cost_object(forecasts: Sequence[StepForecast]) -> dict[str, Any]:
    """Without the warehouse, which asks its own price for warehouse_seconds."""
    low, high = (sum(getattr(found.cost, end) for found in forecasts) for end in ("low", "high"))
    return {"currency": "USD", "low": round(low, 6), "high": round(high, 6)}


def _deadline_object(deadline: Deadline | None, now: float, ends: float) -> dict[str, Any] | None:
    if deadline is None:
        return None
    found = against(deadline, now=now, ends=ends)
    return {
        "finish_by": deadline.finish_by,
        "timezone": deadline.timezone,
        "due": iso(found.due),
        "holds": found.holds,
        "margin_seconds": round(found.margin, 3),
    }
