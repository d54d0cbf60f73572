"""The shared queue's rules: the states of a node, what a claim and a lease are.

A node holds the set of parent positions it still waits for. Finishing a parent deletes one position, so a
repeated release changes nothing; the finished node's record is the truth, and every release can be replayed
from it. A write carries the runner's epoch; one with a stale epoch is refused (docs/architecture.md, "The queue").
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from headgate.domain.build_state import Hold
from headgate.domain.plan import CLOSING, COMMAND, OPENING, Engine, Plan, PlannedNode
from headgate.domain.results import NodeResult

# A lease lasts so long without a renewal. All of these are seconds.
LEASE_SECONDS = 60.0
# How much longer an unchanged lease is watched before somebody else takes it.
MARGIN_SECONDS = 10.0
# How long before its lease ends a runner that could not renew it stops: its last query ends before the lease does.
FENCE_SECONDS = 10.0
# Who has watched nothing must compare `until` with a clock of its own; the two may differ by five minutes.
REAPER_MARGIN_SECONDS = 360.0
MAX_PRIORITY = 10**9
# A log chunk's sequence is epoch * this + its number: the chunks of a later attempt sort after those before.
CHUNKS_PER_EPOCH = 1_000_000
CLOSING_WAITS = frozenset({-1})
# Where results without a planned node stand (a hook's operations): behind everything, and nobody waits for it.
UNPLANNED = 10**9


class NodeState(StrEnum):
    """Where a node stands in the queue; its dbt status exists once it is done."""

    ATTACHED = (
        "attached"  # runs within another node's turn: a unit test within its model's, a test in a batch
    )
    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class RunnerRecord:
    """What is stored of a runner: its lease (until `until`, epoch seconds; fenced by `epoch`), and how it ended.

    taken_at: when this epoch began, by the runner's clock (epoch seconds).
    """

    runner: int
    epoch: int
    until: float
    ended: bool = False
    error: str | None = None
    taken_at: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """What is stored of a node. `waits` holds the positions of unfinished parents.

    uncertain: an attempt ended without anybody knowing whether it wrote: its runner was lost.
    """

    unique_id: str
    position: int
    resource_type: str
    materialized: str
    state: NodeState
    priority: float
    predicted_seconds: float
    waits: frozenset[int] = frozenset()
    skip: bool = False
    runner: int | None = None
    epoch: int | None = None
    claims: int = 0
    started_at: str | None = None
    finished_at: str | None = None
    result: NodeResult | None = None
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A node handed to a runner. `skip`: a parent failed, so dbt is to record it as skipped.

    uncertain: an earlier attempt may have written (NodeRecord). hold: the right to build its relation, if it has one.
    """

    unique_id: str
    skip: bool
    attempt: int
    uncertain: bool = False
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What is stored of a step: how far it is, and why it stopped when it stopped early.

    failed_fast: the node whose failure makes `--fail-fast` skip everything that has not begun.
    """

    run_id: int
    step: int
    nodes: int
    runners: int
    planned_at: str
    halted: str | None = None
    failed_fast: str | None = None


def initial_records(plan: Plan) -> list[NodeRecord]:
    """The queue as PlanRun writes it: the opening ready, reused nodes done, all others waiting for their parents.

    A plan in which nobody has a turn has neither opening nor closing: dbt runs no hooks when there is nothing to do. A
    step that is one dbt command has one turn; the nodes are attached to it, and there may be none.
    """
    if plan.engine is Engine.COMMAND:
        return [_own(COMMAND, 0, NodeState.READY), *_attached_to_command(plan)]
    records: list[NodeRecord] = []
    if plan.has_turn:
        records = [_own(OPENING, 0, NodeState.READY), _own(CLOSING, len(plan.nodes) + 1, NodeState.WAITING)]
    attached = len(plan.nodes) + 1
    for node in plan.nodes:
        records.append(_first_record(node, plan))
        records += [
            _unit_test(unit_test, attached + number, node)
            for number, unit_test in enumerate(node.unit_tests, 1)
        ]
        attached += len(node.unit_tests)
    return records


def _first_record(node: PlannedNode, plan: Plan) -> NodeRecord:
    position = plan.positions[node.unique_id]
    if node.leader:
        return _record(node, position, NodeState.ATTACHED, frozenset())
    if node.is_built:
        waits = frozenset(plan.positions[parent] for parent in plan.waits_of(node))
        return _record(node, position, NodeState.WAITING, waits)
    decision = node.decision
    result = NodeResult.of_reused(node.unique_id, decision.status, decision.sentence, node.relation)
    return replace(_record(node, position, NodeState.DONE, frozenset()), result=result)


def _attached_to_command(plan: Plan) -> list[NodeRecord]:
    nodes = [
        _record(node, plan.positions[node.unique_id], NodeState.ATTACHED, frozenset()) for node in plan.nodes
    ]
    tests = [(unit_test, node) for node in plan.nodes for unit_test in node.unit_tests]
    return nodes + [
        _unit_test(unit_test, len(nodes) + number, node) for number, (unit_test, node) in enumerate(tests, 1)
    ]


def _own(unique_id: str, position: int, state: NodeState) -> NodeRecord:
    # The closing waits for a position nothing has: only a runner that saw everything else done makes it ready.
    waits = frozenset() if state is NodeState.READY else CLOSING_WAITS
    return NodeRecord(unique_id, position, "step", "step", state, MAX_PRIORITY, 0.0, waits)


def _unit_test(unique_id: str, position: int, model: PlannedNode) -> NodeRecord:
    return NodeRecord(unique_id, position, "unit_test", "unit", NodeState.ATTACHED, model.priority, 0.0)


def _record(node: PlannedNode, position: int, state: NodeState, waits: frozenset[int]) -> NodeRecord:
    return NodeRecord(
        unique_id=node.unique_id,
        position=position,
        resource_type=node.resource_type,
        materialized=node.materialized,
        state=state,
        priority=node.priority,
        predicted_seconds=node.predicted_seconds,
        waits=waits,
    )


def unfinished_parents(plan: Plan, nodes: Iterable[NodeRecord]) -> dict[str, frozenset[int]]:
    """unique_id -> the positions that its waiting set should hold, by the records alone; for nodes with a turn.

    Whoever waits for none of its parents waits for the opening. The closing is left out once nothing else is open: it
    may wait or be ready then.
    """
    done = {node.unique_id for node in nodes if node.state is NodeState.DONE}
    if plan.engine is Engine.COMMAND:
        return {COMMAND: frozenset()}
    if not plan.has_turn:
        return {}
    due: dict[str, frozenset[int]] = {OPENING: frozenset()}
    opening = frozenset({plan.positions[OPENING]} if OPENING not in done else ())
    for node in plan.nodes:
        if node.leader:
            continue
        open_parents = frozenset(plan.positions[parent] for parent in node.parents if parent not in done)
        due[node.unique_id] = open_parents or opening
    return due if due.keys() <= done else due | {CLOSING: CLOSING_WAITS}


def is_drained(open_ids: Iterable[str]) -> bool:
    """Whether only the closing is left of what is not done."""
    return set(open_ids) <= {CLOSING}


def expired(runners: Iterable[RunnerRecord], now: float, margin: float) -> list[RunnerRecord]:
    """Runners whose lease ended more than `margin` seconds ago without their saying that they stopped."""
    return [record for record in runners if not record.ended and record.until + margin < now]


def void_epochs(runners: Iterable[RunnerRecord]) -> dict[int, int]:
    """runner -> the epoch below which its claims count for nothing; only runners that ended or began again."""
    void = {record.runner: record.epoch + (1 if record.ended else 0) for record in runners}
    return {runner: epoch for runner, epoch in void.items() if epoch > 1}
