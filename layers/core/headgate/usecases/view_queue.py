"""What every queued run waits for, for somebody who wants to know when it starts."""

from collections.abc import Sequence

from headgate.domain.run import Run, RunStatus
from headgate.domain.waiting import Wait, usual_seconds, waits
from headgate.ports import Clock, JobStore, RunStore
from headgate.usecases.read_limits import read_limits

# The latest runs of all jobs: what says how long a run usually takes.
HISTORY = 200


def view_queue(shown: Sequence[Run], *, runs: RunStore, jobs: JobStore, clock: Clock) -> dict[int, Wait]:
    """Run id -> what it waits for, of those of `shown` that are queued. Reads nothing if none is."""
    queued = {run.run_id for run in shown if run.status is RunStatus.QUEUED}
    if not queued:
        return {}
    active = {run.run_id: run for run in runs.active_runs()}
    # The listing may lag behind what is shown.
    active |= {run.run_id: run for run in shown if run.run_id in queued}
    # Who is alone waits for nobody, and needs no estimate.
    history = runs.list_runs(HISTORY) if len(active) > 1 else ()
    found = waits(active.values(), read_limits(jobs), usual_seconds(history), clock.now())
    return {run_id: wait for run_id, wait in found.items() if run_id in queued}
