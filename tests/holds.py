"""Two runs of one environment that reach the same relations: plans, sessions, and what they leave in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from headgate.adapters.memory import MemoryWorld
from headgate.domain.build_state import BuildState
from headgate.domain.plan import OPENING, Plan, PlannedNode
from headgate.domain.queue import Claim
from headgate.domain.terms import Terms
from headgate.ports import BuildStates
from headgate.usecases.run_nodes import Idle, QueueSession
from tests.plans import plan_of, write

ENVIRONMENT = "production"
FINGERPRINT = {"code": "c1"}


def holding(
    parents: Mapping[str, Sequence[str]] | None = None, *, run_id: int = 7, reuse: bool = False, **fields: Any
) -> Plan:
    """A plan whose models are tables with a relation; `test.<model>.<name>` is a test of its parents."""
    plan = plan_of(parents or {"a": ()}, run_id=run_id)
    nodes = tuple(_with_relation(node, plan.nodes) for node in plan.nodes)
    return replace(plan, nodes=nodes, reuse=reuse, **fields)


def _with_relation(node: PlannedNode, nodes: Sequence[PlannedNode]) -> PlannedNode:
    reads = tuple((parent,) for parent in node.parents)
    given: dict[str, Any] = {"sees": node.parents, "terms": Terms(reads=reads), "fingerprint": FINGERPRINT}
    if node.unique_id.startswith("test."):
        return replace(node, resource_type="test", materialized="test", **given)
    tests = tuple(
        one.unique_id for one in nodes if one.unique_id.startswith("test.") and node.unique_id in one.parents
    )
    return replace(node, relation=f"analytics.{node.unique_id}", tests=tests, **given)


def opened(world: MemoryWorld, plan: Plan, runner: int = 1, **more: Any) -> QueueSession:
    """A session of a run that is written and whose opening is done."""
    session = joined(world, write(world.queue, plan), runner, **more)
    claim = session.next()
    assert isinstance(claim, Claim)
    assert claim.unique_id == OPENING
    session.finish(OPENING, None)
    return session


def joined(
    world: MemoryWorld, plan: Plan, runner: int = 1, states: BuildStates | None = None, **more: Any
) -> QueueSession:
    session = QueueSession(world.queue, world.clock, plan, runner, states=states or world.states, **more)
    session.begin()
    return session


def claim_of(session: QueueSession) -> Claim:
    claim = session.next()
    assert isinstance(claim, Claim), claim
    return claim


def waits(session: QueueSession) -> bool:
    return isinstance(session.next(), Idle)


def state_of(world: MemoryWorld, unique_id: str = "a") -> BuildState:
    return world.states.read(ENVIRONMENT, [unique_id]).get(unique_id, BuildState(unique_id))
