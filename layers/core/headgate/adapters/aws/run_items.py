"""A run as an item of the table, and back. What a version before did not write has the record's default."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from headgate.domain.overrides import Overrides
from headgate.domain.run import Cause, Run, RunStatus

# In the index `open`: runs that have ended and may not be announced yet.
ENDED = "ended"


def run_key(run_id: int) -> str:
    return f"run#{run_id:012d}"


def run_item(run: Run) -> dict[str, Any]:
    """A new run, in the indexes of what can be listed and of what is not over, or not known to be."""
    order = f"{run.run_id:012d}"
    return {
        "pk": run_key(run.run_id),
        "sk": "run",
        "listing_pk": "run",
        "listing_sk": order,
        "open_pk": ENDED if run.status.is_final else "run",
        "open_sk": order,
        "run_id": run.run_id,
        "job": run.job,
        "environment": run.environment,
        "bundle": run.bundle,
        "steps": list(run.steps),
        "cause": cause_value(run.cause),
        "status": run.status.value,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
        "error": run.error,
        "counts": dict(run.counts),
        "retry_of": run.retry_of,
        "first_step": run.first_step,
        "from_start": run.from_start,
        "also": [cause_value(cause) for cause in run.also],
        "on_conflict": run.on_conflict,
        "priority": run.priority,
        "supersedes": list(run.supersedes),
        "place": run.place,
        "overrides": asdict(run.overrides),
    }


def run_from(item: Mapping[str, Any]) -> Run:
    return Run(
        run_id=item["run_id"],
        job=item["job"],
        environment=item["environment"],
        bundle=item["bundle"],
        steps=tuple(item["steps"]),
        cause=_cause(item["cause"]),
        status=RunStatus(item["status"]),
        created_at=item["created_at"],
        started_at=item.get("started_at"),
        finished_at=item.get("finished_at"),
        execution_arn=item.get("execution_arn"),
        error=item.get("error"),
        counts=item.get("counts", {}),
        retry_of=item.get("retry_of"),
        first_step=item.get("first_step", 1),
        from_start=item.get("from_start", False),
        cancel=item.get("cancel"),
        also=tuple(_cause(value) for value in item.get("also", ())),
        on_conflict=item.get("on_conflict", "queue_all"),
        priority=item.get("priority", 0),
        superseded_by=item.get("superseded_by"),
        supersedes=tuple(item.get("supersedes", ())),
        place=item.get("place", 0),
        overrides=Overrides(**item.get("overrides", {})),
    )


def cause_value(cause: Cause) -> dict[str, Any]:
    value: dict[str, Any] = {"kind": cause.kind, "key": cause.key, "detail": cause.detail}
    return value | {"connectors": list(cause.connectors)} if cause.connectors else value


def _cause(value: Mapping[str, Any]) -> Cause:
    return Cause(value["kind"], value["key"], value["detail"], tuple(value.get("connectors", ())))
