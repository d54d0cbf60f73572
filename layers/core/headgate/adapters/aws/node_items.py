"""The queue's records as items, and back. A node's full result lies compressed in `entry`; only `results` reads it."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from headgate.domain.queue import MAX_PRIORITY, NodeRecord, NodeState, RunnerRecord, StepRecord
from headgate.domain.results import MESSAGE_LENGTH, NOBODY, NodeResult, NodeStatus

# An item may have 400 kB; the other attributes take a few (a waiting set of thousands included).
ENTRY_BYTES = 300_000
_OPEN = frozenset({NodeState.WAITING, NodeState.READY, NodeState.RUNNING})
_COUNTED = ("priority", "predicted_seconds", "claims")
NODE_FIELDS = (
    "unique_id",
    "position",
    "resource_type",
    "materialized",
    "state",
    *_COUNTED,
    "waits",
    "skip",
    "uncertain",
    "runner",
    "epoch",
    "started_at",
    "finished_at",
    "status",
    "message",
    "seconds",
    "failures",
)


def run_key(run_id: int) -> str:
    return f"run#{run_id:012d}"


def step_key(step: int) -> str:
    return f"step#{step:02d}"


def node_key(step: int, unique_id: str) -> str:
    return f"{step_key(step)}#node#{unique_id}"


def runner_key(step: int, runner: int) -> str:
    return f"{step_key(step)}#runner#{runner}"


def open_key(run_id: int, step: int) -> str:
    return f"{run_key(run_id)}#{step_key(step)}"


def urgency(priority: float) -> str:
    """Text that sorts the highest priority first, to the millisecond."""
    inverted = MAX_PRIORITY - min(max(priority, 0.0), MAX_PRIORITY)
    return f"{round(inverted * 1000):013d}"


def of_step(step: StepRecord, expires_at: int) -> dict[str, Any]:
    return {
        "pk": run_key(step.run_id),
        "sk": step_key(step.step),
        "nodes": step.nodes,
        "runners": step.runners,
        "planned_at": step.planned_at,
        "halted": step.halted,
        "failed_fast": step.failed_fast,
        "expires_at": expires_at,
    }


def to_step(run_id: int, step: int, item: Mapping[str, Any]) -> StepRecord:
    return StepRecord(
        run_id,
        step,
        nodes=item["nodes"],
        runners=item["runners"],
        planned_at=item["planned_at"],
        halted=item.get("halted"),
        failed_fast=item.get("failed_fast"),
    )


def of_node(run_id: int, step: int, node: NodeRecord, expires_at: int) -> dict[str, Any]:
    order = f"{urgency(node.priority)}#{node.unique_id}"
    is_open = node.state in _OPEN
    return {
        "pk": run_key(run_id),
        "sk": node_key(step, node.unique_id),
        "unique_id": node.unique_id,
        "position": node.position,
        "resource_type": node.resource_type,
        "materialized": node.materialized,
        "state": node.state.value,
        "priority": node.priority,
        "predicted_seconds": node.predicted_seconds,
        "claims": node.claims,
        "waits": set(node.waits) or None,
        "skip": node.skip or None,
        "uncertain": node.uncertain or None,
        "expires_at": expires_at,
        "open_pk": open_key(run_id, step) if is_open else None,
        "open_sk": f"{node.state.value}#{order}" if is_open else None,
        # Copied into open_sk when the node becomes ready: an expression can copy but not join texts.
        "ready_sk": f"{NodeState.READY.value}#{order}" if is_open else None,
        # Of a node that is planned as done already: one that is reused.
        **of_outcome(node.result)[1],
    }


def to_node(item: Mapping[str, Any]) -> NodeRecord:
    return NodeRecord(
        unique_id=item["unique_id"],
        position=item["position"],
        resource_type=item["resource_type"],
        materialized=item["materialized"],
        state=NodeState(item["state"]),
        priority=float(item["priority"]),
        predicted_seconds=float(item["predicted_seconds"]),
        waits=frozenset(item.get("waits") or ()),
        skip=bool(item.get("skip")),
        runner=item.get("runner"),
        epoch=item.get("epoch"),
        claims=item["claims"],
        started_at=item.get("started_at"),
        finished_at=item.get("finished_at"),
        result=_short_result(item) if "status" in item else None,
        uncertain=bool(item.get("uncertain")),
    )


def _short_result(item: Mapping[str, Any]) -> NodeResult:
    entry = {
        "unique_id": item["unique_id"],
        "status": item["status"],
        "message": item.get("message"),
        "execution_time": float(item.get("seconds", 0.0)),
        "failures": item.get("failures"),
    }
    return NodeResult(item["unique_id"], NodeStatus(item["status"]), entry, _runner(item))


def _runner(item: Mapping[str, Any]) -> int:
    return int(item.get("runner") or NOBODY)


def of_outcome(result: NodeResult | None) -> tuple[str, dict[str, Any]]:
    """The end of a SET clause that records a result, and its values. The step's own nodes have none."""
    if result is None:
        return "", {}
    failures = result.entry.get("failures")
    values: dict[str, Any] = {
        "status": result.status.value,
        "message": result.message[:MESSAGE_LENGTH],
        "seconds": result.seconds,
        "entry": packed(result.entry),
    } | ({"failures": int(failures)} if failures is not None else {})
    return "".join(f", #{name} = :{name}" for name in values), values


def packed(entry: Mapping[str, Any]) -> bytes:
    """Compressed JSON. Compiled code that does not fit an item is left out, and says so."""
    # default=str: an adapter may answer with types of its own; a text is better than a lost result.
    body = _compressed(entry)
    if len(body) > ENTRY_BYTES:
        body = _compressed({**entry, "compiled_code": None, "compiled_code_omitted": True})
    if len(body) > ENTRY_BYTES:
        message = str(entry.get("message") or "")[:MESSAGE_LENGTH]
        short = {**entry, "compiled_code": None, "compiled_code_omitted": True}
        body = _compressed({**short, "message": message, "adapter_response": {}, "batch_results": None})
    return body


def _compressed(entry: Mapping[str, Any]) -> bytes:
    return zlib.compress(json.dumps(entry, separators=(",", ":"), default=str).encode())


def to_result(item: Mapping[str, Any]) -> NodeResult:
    entry = json.loads(zlib.decompress(item["entry"]))
    return NodeResult(item["unique_id"], NodeStatus(item["status"]), entry, _runner(item))


def to_runner(item: Mapping[str, Any]) -> RunnerRecord:
    return RunnerRecord(
        runner=item["runner"],
        epoch=item["epoch"],
        until=float(item["until"]),
        ended=bool(item.get("ended")),
        error=item.get("error"),
        taken_at=float(item.get("taken_at", 0.0)),
    )
