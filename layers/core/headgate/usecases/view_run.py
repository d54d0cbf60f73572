"""Collect what is stored of a run, for somebody who wants to know how it went."""

from headgate.domain.plan import Plan
from headgate.domain.run import Run
from headgate.domain.run_view import RunView, StepView, step_view
from headgate.errors import NotFoundError
from headgate.ports import Clock, JobStore, NodeQueue, PlanStore, RunStore
from headgate.usecases.view_queue import view_queue


def view_run(
    run_id: int,
    *,
    runs: RunStore,
    queue: NodeQueue,
    plans: PlanStore,
    clock: Clock,
    jobs: JobStore | None = None,
) -> RunView:
    """The run with all its steps and nodes, as far as it is. Raises NotFoundError.

    jobs: whose limits say what a queued run waits for; without them nothing is said of it.
    """
    run, now = runs.get_run(run_id), clock.now()
    steps = (_step(run, number, now, queue, plans) for number in range(1, len(run.steps) + 1))
    waits = {} if jobs is None else view_queue([run], runs=runs, jobs=jobs, clock=clock)
    return RunView(run, tuple(steps), now, waits.get(run_id))


def _step(run: Run, number: int, now: float, queue: NodeQueue, plans: PlanStore) -> StepView:
    record = queue.step(run.run_id, number)
    if record is None:
        return step_view(number, run, None, (), (), None, now)
    nodes, runners = queue.nodes(run.run_id, number), queue.runners(run.run_id, number)
    # The plan knows who waited for whom, and why each node was built. While all goes well, nobody needs either yet.
    failed = any(node.result is not None and node.result.failed for node in nodes)
    plan = _plan(run.run_id, number, plans) if failed or run.status.is_final else None
    return step_view(number, run, record, nodes, runners, plan, now)


def _plan(run_id: int, number: int, plans: PlanStore) -> Plan | None:
    try:
        return plans.get_plan(run_id, number)
    except NotFoundError:
        return None
