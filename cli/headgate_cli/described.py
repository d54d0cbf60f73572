"""Runs and nodes as JSON objects, the same wherever one is printed, and nodes by the names that people use."""

from typing import Any

from headgate.domain.run import Run
from headgate.domain.run_view import NodeView, RunView

_HASH_LENGTH = 10


def run_object(run: Run) -> dict[str, Any]:
    """A run's record."""
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
    }


def view_object(view: RunView) -> dict[str, Any]:
    """A run with its steps and nodes; what is urgent comes first."""
    return {
        "run": run_object(view.run),
        "steps": [
            {"step": step.number, "command": step.command, "planned": step.planned, "lost": list(step.lost)}
            for step in view.steps
        ],
        "nodes": [_node_object(step.number, node) for step in view.steps for node in step.nodes],
    }


def _node_object(step: int, node: NodeView) -> dict[str, Any]:
    return {
        "step": step,
        "unique_id": node.unique_id,
        "name": node_name(node.unique_id),
        "resource_type": node.kind,
        "status": node.status,
        "seconds": node.seconds,
        "runner": node.runner,
        "message": node.message,
        "held_back": list(node.held_back),
    }


def node_name(unique_id: str) -> str:
    """`model.shop.fct_orders` → `fct_orders`; a generic test loses the hash that dbt ends its id with."""
    name = unique_id.split(".", 2)[-1]
    stem, _, tail = name.rpartition(".")
    is_hash = len(tail) == _HASH_LENGTH and all(letter in "0123456789abcdef" for letter in tail)
    return stem if stem and is_hash and unique_id.startswith("test.") else name
