"""How a step ended: from its records to one status, one sentence, and the nodes somebody must hear about."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headgate.domain.alerts import first_line
from headgate.domain.plan import CLOSING, COMMAND, OPENING, Plan
from headgate.domain.queue import NodeRecord, NodeState, RunnerRecord, StepRecord
from headgate.domain.results import NodeResult, NodeStatus

# How many nodes a sentence names.
NAMED = 3
_OWN = {OPENING: "the opening", CLOSING: "the closing", COMMAND: "the dbt command"}


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """`error` is None when the step succeeded; otherwise one sentence for the run's record.

    begun, never: unique_ids without an end, those that somebody had begun to build and the others; the step's own
    turns stand there only when no node does. unfinished: whether a runner that is still alive could claim something.
    """

    error: str | None
    failed: tuple[NodeResult, ...] = ()
    warned: tuple[NodeResult, ...] = ()
    begun: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    unfinished: bool = False


def outcome(
    step: StepRecord | None,
    nodes: Sequence[NodeRecord],
    results: Sequence[NodeResult],
    runners: Sequence[RunnerRecord],
    fault: str | None = None,
    lost: Mapping[int, str] | None = None,
) -> StepOutcome:
    """Judge a step. `fault`: what the state machine caught, if anything; `lost`: runner -> why its containers ended.

    The first of these that holds gives the sentence: a fault, a halt, failed nodes, nodes that never ended,
    what the step's one dbt command said of itself.
    """
    failed = _first_cause_first(step, [result for result in results if result.failed])
    left = _without_an_end(nodes)
    skipped = sum(result.status is NodeStatus.SKIPPED for result in results)
    return StepOutcome(
        error=_sentence(step, failed, skipped, left, _why_lost(runners, lost or {}), fault)
        or _said_by_command(nodes),
        failed=tuple(failed),
        warned=tuple(result for result in results if result.status is NodeStatus.WARN),
        begun=tuple(node.unique_id for node in left if node.claims),
        never=tuple(node.unique_id for node in left if not node.claims),
        unfinished=any(node.state not in (NodeState.DONE, NodeState.ATTACHED) for node in nodes),
    )


def _said_by_command(nodes: Iterable[NodeRecord]) -> str | None:
    results = (node.result for node in nodes if node.unique_id == COMMAND)
    return next((result.message for result in results if result is not None and result.failed), None)


def _first_cause_first(step: StepRecord | None, failed: list[NodeResult]) -> list[NodeResult]:
    cause = step.failed_fast if step is not None else None
    return sorted(failed, key=lambda result: result.unique_id != cause)


def _without_an_end(nodes: Sequence[NodeRecord]) -> list[NodeRecord]:
    left = [node for node in nodes if node.state not in (NodeState.DONE, NodeState.ATTACHED)]
    if any(node.unique_id == COMMAND for node in left):
        # Its nodes have no turn of their own; a unit test's result is its model's business.
        left += [
            node
            for node in nodes
            if node.state is NodeState.ATTACHED and node.resource_type != "unit_test" and node.result is None
        ]
        return left
    return [node for node in left if node.resource_type != "step"] or left


def _sentence(
    step: StepRecord | None,
    failed: Sequence[NodeResult],
    skipped: int,
    left: Sequence[NodeRecord],
    why_lost: str,
    fault: str | None,
) -> str | None:
    if fault is not None:
        return fault
    if step is not None and step.halted is not None:
        return step.halted
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        fast = f"; --fail-fast: {skipped} skipped" if step is not None and step.failed_fast else ""
        return f"{failed[0].unique_id}: {first_line(failed[0].message) or failed[0].status}{more}{fast}"
    if left:
        were = "node was" if len(left) == 1 else "nodes were"
        return f"{len(left)} {were} never finished ({_some(node.unique_id for node in left)}): {why_lost}"
    return None


def _why_lost(runners: Iterable[RunnerRecord], lost: Mapping[int, str]) -> str:
    """What a runner said itself counts for more than how its container ended."""
    why = {**lost, **{record.runner: record.error for record in runners if record.error}}
    return "; ".join(f"runner {runner}: {why[runner]}" for runner in sorted(why)) or "the runners were lost"


def cancelled_text(who: str, ended: StepOutcome | None, step: int, steps: int) -> str:
    """What a run that was cancelled in step `step` of `steps` leaves: `who` asked, what was stopped, what never began.

    ended: None when that step was not planned yet. "cancelled by ana: 2 nodes stopped (orders, payments), 31 never
    started".
    """
    facts = _stopped(ended) if ended is not None else []
    later = steps - step if ended is not None else steps - step + 1
    if later and (ended is not None or step > 1):
        facts.append(f"step {steps} never began" if later == 1 else f"{later} steps never began")
    nothing = "nothing was left to stop" if ended is not None else "nothing had begun"
    return f"cancelled {who}: {', '.join(facts) or nothing}"


def _stopped(ended: StepOutcome) -> list[str]:
    facts = [f"{_OWN[unique_id]} stopped" for unique_id in ended.begun if unique_id in _OWN]
    nodes = [name_of(unique_id) for unique_id in ended.begun if unique_id not in _OWN]
    if nodes:
        facts.append(f"{_counted(nodes)} stopped ({_some(nodes)})")
    if never := [unique_id for unique_id in ended.never if unique_id not in _OWN]:
        facts.append(f"{len(never) if nodes else _counted(never)} never started")
    return facts + [f"{_OWN[unique_id]} never started" for unique_id in ended.never if unique_id in _OWN]


def _counted(nodes: Sequence[str]) -> str:
    return f"{len(nodes)} node" + ("" if len(nodes) == 1 else "s")


def _some(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:NAMED]) + ("…" if len(every) > NAMED else "")


def name_of(unique_id: str) -> str:
    """The unique_id without resource type and package."""
    return unique_id.split(".", 2)[-1]


def held_back(plan: Plan, unique_id: str) -> set[str]:
    """What is not built when this fails: everything downstream, and a unit test's model, in whose turn it runs.

    Whoever waits for a test that runs in a batch waits for its leader.
    """
    is_unit_test = unique_id.startswith("unit_test.")
    found = {node.unique_id for node in plan.nodes if is_unit_test and unique_id in node.unit_tests}
    leaders = {node.leader for node in plan.nodes if node.unique_id == unique_id and node.leader}
    stack = [unique_id, *found, *leaders]
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
