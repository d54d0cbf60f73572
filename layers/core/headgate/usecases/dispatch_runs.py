"""Start the executions of runs that wait: one run of a job at a time.

Safe at any moment and any number of times: the slot is taken in one transaction, the execution's name is the
run's, and a run whose execution was never recorded is started again under the same name.
"""

from headgate.domain.run import Run, RunStatus
from headgate.errors import HeadgateError
from headgate.ports import RunStore, StateMachine


def dispatch_runs(announced: int | None, *, runs: RunStore, machine: StateMachine) -> list[int]:
    """Dispatch what can start now; returns the run ids whose execution was started.

    announced: the run an event named. The listing of active runs may lag behind it, so it is read by itself.
    One run that cannot be started does not hold up the others; the last failure is raised at the end.
    """
    started: list[int] = []
    failure: HeadgateError | None = None
    for run in _candidates(announced, runs):
        try:
            if _dispatch(run, runs, machine):
                started.append(run.run_id)
        except HeadgateError as fault:
            failure = fault
    if failure is not None:
        raise failure
    return started


def _candidates(announced: int | None, runs: RunStore) -> list[Run]:
    found = {run.run_id: run for run in runs.active_runs()}
    if announced is not None and announced not in found:
        found[announced] = runs.get_run(announced)
    return [found[run_id] for run_id in sorted(found)]


def _dispatch(run: Run, runs: RunStore, machine: StateMachine) -> bool:
    if run.status is RunStatus.QUEUED:
        if not runs.take_slot(run):
            return False
    elif run.status is not RunStatus.STARTING or run.execution_arn is not None or run.cancel is not None:
        return False
    runs.record_execution(run.run_id, machine.start(run))
    return True
