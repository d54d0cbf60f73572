"""Cancel a run: record who wants it, stop what it has under way, and end it if nobody else will.

A run that waits is ended here. One whose execution goes on is ended by that execution's status event
(finalize_run), after its runners have left. Whoever writes the first final status wins; there is exactly one.
"""

from headgate.domain.outcome import cancelled_text
from headgate.domain.run import Run, RunStatus
from headgate.errors import ConflictError
from headgate.ports import EventBus, NodeQueue, RunStore, StateMachine
from headgate.usecases.announce_end import announce_end
from headgate.usecases.stop_run import stop_run


def cancel_run(
    run_id: int, reason: str, *, runs: RunStore, machine: StateMachine, queue: NodeQueue, bus: EventBus
) -> Run:
    """Cancel it; the run as it is then, final or on its way there. Cancelling twice is cancelling once.

    reason: who and why, as it follows "cancelled": "by ana (wrong branch)". Raises NotFoundError, and ConflictError
    for a run that is over.
    """
    asked = runs.request_cancel(run_id, reason)
    run = runs.get_run(run_id)
    if run.status.is_final and not asked:
        raise ConflictError(f"run {run_id} is over: it ended as {run.status.value}")
    return carry_out_cancel(run, runs=runs, machine=machine, queue=queue, bus=bus)


def carry_out_cancel(
    run: Run, *, runs: RunStore, machine: StateMachine, queue: NodeQueue, bus: EventBus
) -> Run:
    """Do what was asked for in `run.cancel`. Safe to repeat, should whoever asked have died half-way."""
    if run.status.is_final:
        return run
    # A run that was asked to stop gets no slot any more, so one that is queued stays so until it is ended here.
    if run.status is RunStatus.QUEUED or not stop_run(run, machine=machine, queue=queue):
        # Should its execution be started in this very moment: it finds a run that is over and plans nothing.
        error = cancelled_text(run.cancel or "", None, run.first_step, len(run.steps))
        runs.move(run.run_id, RunStatus.CANCELLED, error=error)
        run = runs.get_run(run.run_id)
        announce_end(run, runs=runs, bus=bus)
    return runs.get_run(run.run_id)
