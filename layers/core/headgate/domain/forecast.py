"""What a plan will probably take: when each node begins and ends, the longest path, costs, and the job's deadline.

It is as good as the predicted seconds; the ranges say how far to trust it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from headgate.domain.cost import run_cost
from headgate.domain.graph import build_graph, critical_path
from headgate.domain.job import Deadline, Environment
from headgate.domain.list_schedule import Span, schedule
from headgate.domain.plan import Plan, PlannedNode

# Seconds from asking for a container until its dbt is ready to build, where nothing is known of an environment.
START_UP_SECONDS = 43.0
# How far a prediction may be off, as factors of it: of start-up, and of everything after.
_START_UP_RANGE = (0.6, 2.0)
_BUILD_RANGE = (0.75, 1.5)
# What spot capacity costs at best, as a share of the price on demand.
_SPOT = 0.3
# They never send a query of their own to the warehouse.
_WITHOUT_QUERY = frozenset({"ephemeral", "exposure", "saved_query"})


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the most that is to be expected."""

    low: float
    high: float

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.high + other.high)


@dataclass(frozen=True)
class StepForecast:
    """One step. nodes: unique_id -> when, of what is built. critical: the longest path, first to last.

    warehouse_seconds: of all queries together; saved_seconds: the same of what is reused. cost: US dollars, AWS alone.
    """

    span: Span
    nodes: Mapping[str, Span]
    critical: tuple[str, ...]
    warehouse_seconds: float
    saved_seconds: float
    cost: Range


@dataclass(frozen=True, slots=True)
class DeadlineForecast:
    """due: epoch seconds, the next occurrence of the local time. margin: seconds to spare; negative: late by them."""

    due: float
    margin: float

    @property
    def holds(self) -> bool:
        return self.margin >= 0


def forecast_step(
    plan: Plan, environment: Environment, *, now: float, start_up: float = START_UP_SECONDS
) -> StepForecast:
    """The step if it begins at `now`; one in which nobody has a turn ends at once."""
    built = [node for node in plan.nodes if node.is_built]
    reused = [node for node in plan.nodes if not node.is_built]
    begins = now + (start_up if plan.has_turn else 0.0)
    nodes = schedule(plan, begins)
    ends = max((span.end for span in nodes.values()), default=begins)
    return StepForecast(
        span=Span(now, ends),
        nodes=nodes,
        critical=_critical(built),
        warehouse_seconds=_queries(built),
        saved_seconds=_queries(reused),
        cost=_cost(plan, environment, start_up=begins - now, building=ends - begins),
    )


def forecast(
    plans: Sequence[Plan], environment: Environment, *, now: float, start_up: float = START_UP_SECONDS
) -> list[StepForecast]:
    """Steps in a row: each begins when the one before has ended."""
    found: list[StepForecast] = []
    for plan in plans:
        begins = found[-1].span.end if found else now
        found.append(forecast_step(plan, environment, now=begins, start_up=start_up))
    return found


def _critical(built: Sequence[PlannedNode]) -> tuple[str, ...]:
    names = {node.unique_id for node in built if not node.leader}
    graph = build_graph(
        {
            node.unique_id: [parent for parent in node.parents if parent in names]
            for node in built
            if not node.leader
        }
    )
    return tuple(critical_path(graph, {node.unique_id: node.predicted_seconds for node in built}))


def _queries(nodes: Sequence[PlannedNode]) -> float:
    return sum(node.predicted_seconds for node in nodes if node.materialized not in _WITHOUT_QUERY)


def _cost(plan: Plan, environment: Environment, *, start_up: float, building: float) -> Range:
    built = [node for node in plan.nodes if node.is_built]
    size = environment.runners

    def of(which: int) -> float:
        found = run_cost(
            nodes=len(plan.nodes),
            edges=sum(len(node.parents) for node in built),
            runners=plan.runners if plan.has_turn else 0,
            seconds=start_up * _START_UP_RANGE[which] + building * _BUILD_RANGE[which],
            cpu=size.cpu,
            memory=size.memory,
        )
        cheaper = found.containers * (1 - _SPOT) if size.spot and which == 0 else 0.0
        return found.total - cheaper

    return Range(of(0), of(1))


def against(deadline: Deadline, *, now: float, ends: float) -> DeadlineForecast:
    """Whether what ends then is over by the deadline's next occurrence after `now`."""
    zone = ZoneInfo(deadline.timezone)
    hour, minute = (int(part) for part in deadline.finish_by.split(":"))
    day = datetime.fromtimestamp(now, zone).date()
    # The clocks may go forward or back on one of these days; a time that does not exist is the moment after the gap.
    moments = (
        datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone) + timedelta(days=ahead)
        for ahead in (0, 1, 2)
    )
    due = next(at for moment in moments if (at := moment.timestamp()) > now)
    return DeadlineForecast(due, due - ends)
