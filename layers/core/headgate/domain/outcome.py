"""How a step ended: from its records to one status, one sentence, and the nodes somebody must hear about."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headgate.domain.alerts import first_line
from headgate.domain.plan import Plan
from headgate.domain.queue import NodeRecord, NodeState, RunnerRecord, StepRecord
from headgate.domain.results import NodeResult, NodeStatus


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """`error` is None when the step succeeded; otherwise one sentence for the run's record.

    unfinished: whether nodes are left that a runner which is still alive could claim.
    """

    error: str | None
    failed: tuple[NodeResult, ...] = ()
    warned: tuple[NodeResult, ...] = ()
    unfinished: bool = False


def outcome(
    step: StepRecord | None,
    nodes: Sequence[NodeRecord],
    results: Sequence[NodeResult],
    runners: Sequence[RunnerRecord],
    fault: str | None = None,
) -> StepOutcome:
    """Judge a step. `fault`: what the state machine caught, if anything.

    The first of these that holds gives the sentence: a fault, a halt, failed nodes, nodes that never ended.
    """
    failed = tuple(result for result in results if result.failed)
    warned = tuple(result for result in results if result.status is NodeStatus.WARN)
    never = [node.unique_id for node in nodes if node.state not in (NodeState.DONE, NodeState.ATTACHED)]
    return StepOutcome(_sentence(step, failed, never, runners, fault), failed, warned, bool(never))


def _sentence(
    step: StepRecord | None,
    failed: Sequence[NodeResult],
    never: Sequence[str],
    runners: Iterable[RunnerRecord],
    fault: str | None,
) -> str | None:
    if fault is not None:
        return fault
    if step is not None and step.halted is not None:
        return step.halted
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return f"{failed[0].unique_id}: {first_line(failed[0].message) or failed[0].status}{more}"
    if never:
        lost = (
            "; ".join(f"runner {r.runner}: {r.error}" for r in runners if r.error) or "the runners were lost"
        )
        return f"{len(never)} nodes were never finished ({', '.join(never[:3])}…): {lost}"
    return None


def held_back(plan: Plan, unique_id: str) -> set[str]:
    """What is not built when this fails: everything downstream, and a unit test's model, in whose turn it runs."""
    is_unit_test = unique_id.startswith("unit_test.")
    found = {node.unique_id for node in plan.nodes if is_unit_test and unique_id in node.unit_tests}
    stack = [unique_id, *found]
    while stack:
        for child in plan.children.get(stack.pop(), ()):
            if child not in found:
                found.add(child)
                stack.append(child)
    return found


def fault_text(name: str, cause: str) -> str:
    """What Step Functions caught, in one sentence: a Lambda's cause is JSON with the message inside."""
    try:
        message = json.loads(cause)["errorMessage"]
    except (ValueError, KeyError, TypeError):
        message = cause
    return f"{name}: {message}" if name else str(message)
