"""Say that a run is running. Whoever takes the first turn of a step says so, before anything reaches the warehouse."""

from headgate.domain.run import RunStatus
from headgate.errors import RunEndedError
from headgate.ports import RunStore


def begin_run(run_id: int, *, runs: RunStore) -> None:
    """Once for each step and attempt; only the first changes something.

    Raises RunEndedError when the run is not to run any more: it has ended, or somebody asked to cancel it.
    """
    runs.move(run_id, RunStatus.RUNNING)
    run = runs.get_run(run_id)
    if run.cancel is not None or run.status.is_final:
        why = f"cancelled: {run.cancel}" if run.cancel else f"already {run.status.value}"
        raise RunEndedError(f"nothing was begun, the run is {why}")
