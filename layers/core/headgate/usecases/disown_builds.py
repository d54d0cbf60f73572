"""Builds that nobody here watched, by one dbt command: what was remembered of their relations counts no more.

Called before the command begins, so that it holds even if its runner is lost, and once more after it: another run may
have committed a build meanwhile, of which nobody can tell what is left.
"""

from collections.abc import Iterable

from headgate.domain.build_state import BuildState, Hold
from headgate.domain.plan import Plan
from headgate.domain.results import NodeStatus
from headgate.domain.slots import Holder
from headgate.ports import BuildStates

UNWATCHED = "it was built by a dbt command of which only the end is known"
# The verbs that leave relations behind.
BUILDING = frozenset({"build", "run", "seed", "snapshot", "clone", "retry"})


def disown_builds(
    plan: Plan,
    unique_ids: Iterable[str],
    *,
    states: BuildStates,
    runner: int,
    epoch: int,
    afterwards: bool = False,
) -> list[str]:
    """Those whose builds counted until now; the next run that may reuse builds them. Safe to repeat.

    afterwards: also what somebody else holds, who cannot commit it then: the command has written to it as well.
    """
    known = states.read(plan.environment, unique_ids)
    disowned = []
    for unique_id, state in known.items():
        if not _counts(state) and not (afterwards and state.holder):
            continue
        holder = str(Holder(plan.run_id, plan.step, runner, epoch, unique_id))
        instead_of = state.holder if afterwards else ""
        hold = states.hold(plan.environment, unique_id, holder, instead_of=instead_of)
        if isinstance(hold, Hold):
            states.let_go(plan.environment, unique_id, hold.fence, error=UNWATCHED)
            disowned.append(unique_id)
    return disowned


def _counts(state: BuildState) -> bool:
    return bool(state.version) and state.status != NodeStatus.ERROR.value
