"""A run as a JSON object: the same wherever one is printed or answered with."""

import json
from typing import Any

from headgate.domain.overrides import Overrides
from headgate.domain.run import Cause, Run
from headgate.domain.waiting import Wait


def run_object(run: Run, wait: Wait | None = None) -> dict[str, Any]:
    """A run's record. Fields are only ever added. wait: what it waits for, if it is queued."""
    found = {
        "run_id": run.run_id,
        "job": run.job,
        "environment": run.environment,
        "status": run.status.value,
        "bundle": run.bundle,
        "steps": list(run.steps),
        "cause": _cause(run.cause),
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "error": run.error,
        "counts": dict(run.counts),
        "retry_of": run.retry_of,
        "first_step": run.first_step,
        "from_start": run.from_start,
        "cancel": run.cancel,
        "also": [_cause(cause) for cause in run.also],
        "priority": run.priority,
        "on_conflict": run.on_conflict,
        "superseded_by": run.superseded_by,
        "supersedes": list(run.supersedes),
        "overrides": _overrides(run.overrides),
    }
    return found if wait is None else found | {"queue": wait_object(wait)}


def wait_object(wait: Wait) -> dict[str, Any]:
    """`seconds` is null where nobody knows."""
    seconds = None if wait.seconds is None else round(wait.seconds, 1)
    return {
        "position": wait.position,
        "reason": wait.reason,
        "waits_for": wait.waits_for,
        "seconds": seconds,
    }


def _overrides(overrides: Overrides) -> dict[str, Any]:
    """What differs from what the job says; null where nothing does."""
    return {
        "schema": overrides.schema or None,
        "threads": overrides.threads or None,
        "vars": json.loads(overrides.vars),
        "git_ref": overrides.git_ref or None,
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "kind": cause.kind,
        "key": cause.key,
        "detail": cause.detail,
        "connectors": list(cause.connectors),
    }
