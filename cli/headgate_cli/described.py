"""Runs and nodes as JSON objects, the same wherever one is printed, and nodes by the names that people use."""

from typing import Any

from headgate.domain.outcome import name_of
from headgate.domain.run_object import run_object
from headgate.domain.run_view import NodeView, RunView
from headgate_cli.output import escaped

_HASH_LENGTH = 10
# Models are what a row is about; what is none says so.
_KINDS = {"test": "test", "unit_test": "unit test", "operation": "hook"}


def view_object(view: RunView) -> dict[str, Any]:
    """A run with its steps and nodes; what is urgent comes first."""
    return {
        "run": run_object(view.run, view.wait),
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
        "attempts": node.attempts,
        "message": node.message,
        "why": node.why,
        "held_back": list(node.held_back),
    }


def node_label(unique_id: str, kind: str) -> str:
    """A node's name with markup, behind its kind unless it is something that is built: `test unique_orders_id`."""
    shown = escaped(node_name(unique_id))
    return f"[bright_black]{_KINDS[kind]}[/] {shown}" if kind in _KINDS else shown


def node_name(unique_id: str) -> str:
    """`model.shop.fct_orders` → `fct_orders`; a generic test loses the hash that dbt ends its id with."""
    name = name_of(unique_id)
    stem, _, tail = name.rpartition(".")
    is_hash = len(tail) == _HASH_LENGTH and all(letter in "0123456789abcdef" for letter in tail)
    return stem if stem and is_hash and unique_id.startswith("test.") else name
