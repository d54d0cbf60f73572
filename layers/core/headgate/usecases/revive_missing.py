"""In a step's opening: what was planned to be reused and is not there gets its turn back, and who reads it as well.

Only the runner that opens the step does this, before anybody else begins; a node that has had a turn stays as it is.
Safe to repeat: whoever opens the step after a lost runner finds the same.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from headgate.domain.build_state import BuildState
from headgate.domain.plan import Plan, PlannedNode
from headgate.domain.reuse import decide_again
from headgate.ports import BuildStates, NodeQueue
from headgate.usecases.repair_queue import repair_queue


def revive_missing(
    plan: Plan,
    missing: Collection[str],
    *,
    states: BuildStates,
    queue: NodeQueue,
    runner: int,
    epoch: int,
    now: float,
) -> list[str]:
    """The nodes that have a turn again, parents first; their builds are forgotten.

    missing: reused nodes of the plan whose relation the warehouse does not have. runner, epoch: who opens the step.
    now: epoch seconds, for windows between builds.
    """
    if missing:
        reused = [node for node in plan.nodes if not node.is_built]
        known = states.read(plan.environment, _upstreams(reused))
        gone = {unique_id for unique_id in missing if _forget(plan, unique_id, known, states)}
        revived = _affected(plan, reused, gone, known, now)
    else:
        revived = []
    own = {"runner": runner, "epoch": epoch}
    for node in revived:
        queue.revive(plan.run_id, plan.step, node.unique_id, node.priority, **own)
    if revived:
        repair_queue(queue, plan, {})
    states.record_look(plan.environment, now)
    return [node.unique_id for node in revived]


def _upstreams(nodes: Collection[PlannedNode]) -> list[str]:
    return sorted({unique_id for node in nodes for unique_id in (node.unique_id, *node.sees)})


def _forget(plan: Plan, unique_id: str, known: Mapping[str, BuildState], states: BuildStates) -> bool:
    """False: somebody has built it since this run was planned, after the warehouse was asked."""
    state = known.get(unique_id)
    if state is None or not state.version:
        return True
    return state.version == _planned(plan, unique_id).built and states.forget(
        plan.environment, unique_id, state.version
    )


def _planned(plan: Plan, unique_id: str) -> PlannedNode:
    return plan.nodes[plan.positions[unique_id] - 1]


def _affected(
    plan: Plan,
    reused: Collection[PlannedNode],
    gone: Collection[str],
    known: Mapping[str, BuildState],
    now: float,
) -> list[PlannedNode]:
    """What is gone, and whatever of the reused has new data then; a test whenever anything that it sees is built."""
    states, found = dict(known), []
    built: set[str] = set()
    for node in reused:
        before = known.get(node.unique_id)
        touched = not built.isdisjoint(node.sees)
        is_test = node.resource_type == "test"
        if node.unique_id in gone or (
            touched and (is_test or not decide_again(plan, node, before, states, now).reuses)
        ):
            found.append(node)
            built.add(node.unique_id)
            # A version that nobody has seen: new data for whoever reads it.
            coming = f"{plan.run_id}.{plan.step}.0"
            states[node.unique_id] = replace(before or BuildState(node.unique_id), version=coming)
    return found
