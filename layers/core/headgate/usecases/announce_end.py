"""Say that a run has ended, and record that it was said: jobs that wait for it and the next run of its job hear of it.

The status is written first, so whoever dies in between leaves an end that nobody knows of; reap_runs says it then.
"""

from headgate.domain.events import RunFinished
from headgate.domain.run import Run
from headgate.ports import EventBus, RunStore


def announce_end(run: Run, *, runs: RunStore, bus: EventBus) -> None:
    """Publish RunFinished of a run with a final status. Twice does no harm."""
    bus.publish(RunFinished(run_id=run.run_id, job=run.job, environment=run.environment, status=run.status))
    runs.record_announced(run.run_id)
