"""A run as a JSON object: the same wherever one is printed or answered with."""

from typing import Any

from headgate.domain.run import Run


def run_object(run: Run) -> dict[str, Any]:
    """A run's record. Fields are only ever added."""
    return {
        "run_id": run.run_id,
        "job": run.job,
        "environment": run.environment,
        "status": run.status.value,
        "bundle": run.bundle,
        "steps": list(run.steps),
        "cause": {"kind": run.cause.kind, "key": run.cause.key, "detail": run.cause.detail},
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "error": run.error,
        "counts": dict(run.counts),
        "retry_of": run.retry_of,
        "first_step": run.first_step,
        "from_start": run.from_start,
        "cancel": run.cancel,
    }
