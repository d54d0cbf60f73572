"""Small plans and results with defaults for everything, so that a test states only what matters to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from headgate.domain.command import Command
from headgate.domain.decision import Action, Decision, Reason
from headgate.domain.plan import Plan, PlannedNode
from headgate.domain.queue import StepRecord, initial_records
from headgate.domain.results import NodeResult, NodeStatus
from headgate.ports import NodeQueue

DIAMOND: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}


def plan_of(
    parents: Mapping[str, Sequence[str]] = DIAMOND,
    *,
    run_id: int = 7,
    step: int = 1,
    runners: int = 2,
    priorities: Mapping[str, float] | None = None,
    unit_tests: Mapping[str, tuple[str, ...]] | None = None,
) -> Plan:
    """A plan of these nodes, in this order; by default whoever comes first has the highest priority."""
    nodes = tuple(
        PlannedNode(
            unique_id=node,
            resource_type="model",
            materialized="table",
            parents=tuple(above),
            predicted_seconds=1.0,
            priority=(priorities or {}).get(node, float(len(parents) - index)),
            unit_tests=(unit_tests or {}).get(node, ()),
        )
        for index, (node, above) in enumerate(parents.items())
    )
    return Plan(run_id, step, Command("build"), "d" * 64, "production", nodes, runners, threads=4)


def reusing(plan: Plan, *unique_ids: str, look: bool = False, **fields: Any) -> Plan:
    """The same plan with these nodes reused; fields of theirs by keyword."""
    given = {"decision": Decision(Action.REUSE, Reason.NO_NEW_DATA, "nothing new in stripe"), **fields}
    nodes = tuple(replace(node, **given) if node.unique_id in unique_ids else node for node in plan.nodes)
    return replace(plan, nodes=nodes, reuse=True, look=look)


def step_of(plan: Plan) -> StepRecord:
    return StepRecord(plan.run_id, plan.step, len(plan.nodes), plan.runners, "2026-01-01T00:00:00.000+00:00")


def write(queue: NodeQueue, plan: Plan) -> Plan:
    queue.write(step_of(plan), initial_records(plan))
    return plan


def result_of(
    unique_id: str, status: NodeStatus = NodeStatus.SUCCESS, *, runner: int = 1, **entry: Any
) -> NodeResult:
    given = {"unique_id": unique_id, "status": status.value, "execution_time": 1.5, "message": "", **entry}
    return NodeResult(unique_id, status, given, runner)


def taking(
    plan: Plan,
    seconds: Mapping[str, float],
    *,
    pools: Mapping[str, tuple[str, ...]] | None = None,
    places: Mapping[str, int] | None = None,
    **fields: Any,
) -> Plan:
    """The same plan with these predictions, pools of nodes, places in pools, and other fields of the plan."""
    nodes = tuple(
        replace(
            node,
            predicted_seconds=seconds.get(node.unique_id, node.predicted_seconds),
            pools=(pools or {}).get(node.unique_id, ()),
        )
        for node in plan.nodes
    )
    return replace(plan, nodes=nodes, pools=places or {}, **fields)
