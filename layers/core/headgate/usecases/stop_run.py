"""Stop what a run has under way, so that somebody else can end it.

The step is halted before the execution is stopped: a runner that gets SIGTERM looks whether its step goes on. If it
does, its container is being taken away and it finishes what fits; if not, it cancels its queries at once.
"""

from headgate.domain.run import Run
from headgate.ports import Clock, NodeQueue, StateMachine

# How long runners are waited for. They cancel queries and leave within seconds; a killed one never says so.
LEAVING_SECONDS = 20.0
_LOOK_SECONDS = 0.5


def stop_run(run: Run, *, machine: StateMachine, queue: NodeQueue) -> bool:
    """Halt the step it is at and stop its execution. False: no execution was ever started. Safe to repeat."""
    reason = f"cancelled {run.cancel}"
    queue.halt(run.run_id, current_step(run, queue), reason)
    return machine.stop(run, reason)


def current_step(run: Run, queue: NodeQueue) -> int:
    """The last step that was planned, else the one the run begins with."""
    steps = range(len(run.steps), run.first_step - 1, -1)
    return next((step for step in steps if queue.step(run.run_id, step) is not None), run.first_step)


def wait_for_runners(run_id: int, step: int, *, queue: NodeQueue, clock: Clock) -> None:
    """Until every runner of the step has given its lease back, or a while has passed."""
    until = clock.now() + LEAVING_SECONDS
    while any(not record.ended for record in queue.runners(run_id, step)) and clock.now() < until:
        clock.sleep(_LOOK_SECONDS)
