"""A run as a person reads it: what failed and what that kept from being built, then everything else.

Made from the records alone, while the run goes on as well as after its end.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from headgate.domain.alerts import first_line
from headgate.domain.instant import epoch
from headgate.domain.outcome import held_back, name_of
from headgate.domain.plan import COMMAND, Plan
from headgate.domain.queue import NodeRecord, NodeState, RunnerRecord, StepRecord
from headgate.domain.results import FAILED, NodeStatus
from headgate.domain.run import Run
from headgate.domain.waiting import Wait

# Words for nodes of an ended run that dbt never gave a status.
NEVER_FINISHED = "never finished"
NOT_RUN = "not run"
_SPARED = "its model is reused"
# What a reader looks for first; whatever is not named here was built, and the slowest of those comes first.
_URGENT = (
    *sorted(FAILED),
    NEVER_FINISHED,
    NodeStatus.WARN,
    NodeState.RUNNING,
    NodeState.READY,
    NodeState.WAITING,
)
_LAST = (NodeStatus.SKIPPED, NOT_RUN, NodeStatus.REUSED)
# In these the node itself took no time.
_IDLE = frozenset({NodeStatus.SKIPPED, NodeStatus.REUSED})


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node. `status`: dbt's word, or the queue's while it has none. `seconds`: None when it never ran.

    held_back: the skipped nodes that stand under this failed one, as unique_ids; each stands under one only.
    attempts: how often a runner took it. why: what its plan had against reusing it; empty: nothing was to be reused.
    """

    unique_id: str
    kind: str
    status: str
    seconds: float | None
    runner: int | None
    message: str
    held_back: tuple[str, ...] = ()
    attempts: int = 0
    why: str = ""

    @property
    def name(self) -> str:
        return name_of(self.unique_id)

    @property
    def headline(self) -> str:
        return first_line(self.message)

    @property
    def failed(self) -> bool:
        return self.status in FAILED


@dataclass(frozen=True, slots=True)
class StepView:
    """One command of the run. `planned`: whether it got as far as a queue. `lost`: what runners died of."""

    number: int
    command: str
    planned: bool
    nodes: tuple[NodeView, ...] = ()
    lost: tuple[str, ...] = ()
    # How far the only turn of a step that is one dbt command is; such a step need not have any node.
    turn: NodeView | None = None

    @property
    def failed(self) -> tuple[NodeView, ...]:
        return tuple(node for node in self.nodes if node.failed)

    @property
    def reuses(self) -> bool:
        return any(node.status == NodeStatus.REUSED for node in self.nodes)

    @property
    def listed(self) -> tuple[NodeView, ...]:
        """Every node that does not stand under another one."""
        folded = {unique_id for node in self.nodes for unique_id in node.held_back}
        return tuple(node for node in self.nodes if node.unique_id not in folded)


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with its steps as of `now` (epoch seconds). `seconds` counts from its start, `queued` before it.

    wait: what it waits for while it is queued, if that was asked for.
    """

    run: Run
    steps: tuple[StepView, ...]
    now: float
    wait: Wait | None = None

    @property
    def seconds(self) -> float | None:
        return None if self.run.started_at is None else self._end - epoch(self.run.started_at)

    @property
    def queued(self) -> float:
        started = self._end if self.run.started_at is None else epoch(self.run.started_at)
        return started - epoch(self.run.created_at)

    @property
    def counts(self) -> dict[str, int]:
        """Status -> number of nodes, what is urgent first."""
        found = Counter(node.status for step in self.steps for node in step.nodes)
        return dict(sorted(found.items(), key=lambda item: _rank(item[0])))

    @property
    def error(self) -> str | None:
        """The run's error, unless it only repeats what a failed node says."""
        told = any(
            (self.run.error or "").startswith(f"{node.unique_id}:")
            for step in self.steps
            for node in step.failed
        )
        return None if told else self.run.error

    @property
    def _end(self) -> float:
        return self.now if self.run.finished_at is None else epoch(self.run.finished_at)


def step_view(
    number: int,
    run: Run,
    record: StepRecord | None,
    nodes: Sequence[NodeRecord],
    runners: Sequence[RunnerRecord],
    plan: Plan | None,
    now: float,
) -> StepView:
    """A step from its records. Without its plan, skipped nodes are listed instead of folded."""
    ended = run.status.is_final
    views = [_node_view(node, ended, now) for node in nodes if node.resource_type != "step"]
    if plan is not None:
        views = _explained(views, nodes, plan)
    views.sort(key=lambda node: (_rank(node.status), -(node.seconds or 0.0), node.unique_id))
    turns = [node for node in nodes if node.unique_id == COMMAND]
    return StepView(
        number=number,
        command=run.steps[number - 1],
        planned=record is not None,
        nodes=tuple(_folded(views, plan) if plan is not None else views),
        lost=tuple(f"runner {runner.runner}: {runner.error}" for runner in runners if runner.error),
        turn=_node_view(turns[0], ended, now) if turns else None,
    )


def _explained(views: Sequence[NodeView], nodes: Sequence[NodeRecord], plan: Plan) -> list[NodeView]:
    """With what the plan says of them: why each was built, and that nothing is missing of what is reused."""
    spared = _spared(nodes, plan)
    built = {node.unique_id: node.decision.sentence for node in plan.nodes if plan.reuse and node.is_built}
    return [
        replace(view, status=NodeStatus.REUSED.value, message=_SPARED)
        if view.unique_id in spared
        else replace(view, why=built.get(view.unique_id, "") if view.seconds is not None else "")
        for view in views
    ]


def _spared(nodes: Sequence[NodeRecord], plan: Plan) -> frozenset[str]:
    """The unit tests of models that are reused: nobody runs them, and nothing is missing."""
    reused = {
        node.unique_id
        for node in nodes
        if node.result is not None and node.result.status is NodeStatus.REUSED
    }
    return frozenset(test for node in plan.nodes if node.unique_id in reused for test in node.unit_tests)


def _node_view(node: NodeRecord, ended: bool, now: float) -> NodeView:
    status = node.result.status.value if node.result else _status(node.state, ended)
    seconds = None
    if node.result is not None and node.result.status not in _IDLE:
        seconds = node.result.seconds
    elif status == NodeState.RUNNING and node.started_at is not None:
        seconds = max(0.0, now - epoch(node.started_at))
    message = node.result.message if node.result else ""
    return NodeView(
        node.unique_id, node.resource_type, status, seconds, node.runner, message, attempts=node.claims
    )


def _status(state: NodeState, ended: bool) -> str:
    if state is NodeState.ATTACHED:
        return NOT_RUN if ended else NodeState.WAITING.value
    return NEVER_FINISHED if ended and state is not NodeState.DONE else state.value


def _folded(views: Sequence[NodeView], plan: Plan) -> list[NodeView]:
    skipped = {node.unique_id for node in views if node.status == NodeStatus.SKIPPED}
    folded = []
    for node in views:
        if node.failed:
            below = held_back(plan, node.unique_id)
            node = replace(node, held_back=tuple(sorted(skipped & below)))
            skipped -= below
        folded.append(node)
    return folded


def _rank(status: str) -> int:
    if status in _LAST:
        return len(_URGENT) + 1 + _LAST.index(status)
    return _URGENT.index(status) if status in _URGENT else len(_URGENT)
