"""Say that a run has ended, and record that it was said: jobs that wait for it and the next run of its job hear of it.

The status is written first, so whoever dies in between leaves an end that nobody knows of; reap_runs says it then.
"""

from collections.abc import Callable

from headgate.domain.events import RunFinished
from headgate.domain.run import Run
from headgate.ports import EventBus, RunStore


def announce_end(
    run: Run, *, runs: RunStore, bus: EventBus, then: Callable[[Run], None] | None = None
) -> None:
    """Publish RunFinished of a run with a final status. Twice does no harm.

    then: what else its end brings about; if that fails, the end counts as not announced, and all of it is done again.
    """
    bus.publish(RunFinished(run_id=run.run_id, job=run.job, environment=run.environment, status=run.status))
    if then is not None:
        then(run)
    runs.record_announced(run.run_id)
