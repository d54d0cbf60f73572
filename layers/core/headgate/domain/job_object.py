"""A job as a JSON object: what it is, what starts it, and whether anything may."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from headgate.domain.activity import Activity
from headgate.domain.gate import Gate
from headgate.domain.job import Job
from headgate.domain.when_words import describe_when

_ACTIVE, _PAUSED, _DEACTIVATED = "active", "paused", "deactivated"


def job_object(job: Job, activity: Activity) -> dict[str, Any]:
    """A job's record, without the values of variables and without the names of secrets. Fields are only ever added."""
    return {
        "job": job.name,
        "environment": job.environment,
        "owner": job.owner,
        "description": job.description,
        "steps": list(job.steps),
        "when": describe_when(job),
        "gates": [_gate_object(gate) for gate in job.gates],
        "schedules": [_listed(asdict(schedule)) for schedule in job.schedules],
        "vars": [_listed(asdict(one)) for one in job.vars],
        "on_conflict": job.on_conflict or None,
        "max_parallel_runs": job.max_parallel_runs,
        "priority": job.priority,
        "state": state_of(job, activity),
        "paused": activity.paused or ("by its jobs file" if job.paused else None),
        "deactivated_at": activity.deactivated_at,
        "failures": activity.failures,
    }


def state_of(job: Job, activity: Activity) -> str:
    """`active`, `paused` or `deactivated`: whether anything but a person starts it."""
    if activity.deactivated_at is not None:
        return _DEACTIVATED
    return _PAUSED if job.paused or activity.paused else _ACTIVE


def _gate_object(gate: Gate) -> dict[str, Any]:
    awaits = [
        {"kind": one.kind, "name": one.name, "where": {key: list(some) for key, some in one.where.items()}}
        for one in gate.awaits
    ]
    return asdict(gate) | {"awaits": awaits}


def _listed(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in record.items()}
