"""dbt's results as records and back: what one runner stores, every other one can read as if it had built it."""

import json
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import UTC, datetime
from typing import Any

from dbt.artifacts.schemas.batch_results import BatchResults
from dbt.artifacts.schemas.results import RunStatus, TestStatus, TimingInfo
from dbt.artifacts.schemas.run import RunResult, RunResultsArtifact
from dbt.artifacts.schemas.run.v5.run import process_run_result
from dbt.contracts.graph.manifest import Manifest
from dbt.node_types import NodeType
from dbt.utils import args_to_dict

from headgate.domain.decision import Decision
from headgate.domain.plan import Plan
from headgate.domain.results import NodeResult, NodeStatus, completed_at
from headgate_runner.asked_args import asked_args
from headgate_runner.redaction import Redactor


def to_record(result: RunResult, runner: int, redactor: Redactor) -> NodeResult:
    """The node's object of run_results.json, as dbt itself would write it, without secrets."""
    entry = process_run_result(result).to_dict(omit_none=False)
    return NodeResult.from_entry(redactor.value(entry), runner)


def from_record(record: NodeResult, manifest: Manifest) -> RunResult | None:
    """dbt's result of a node that another process built; None for a node the manifest does not know."""
    node = manifest.nodes.get(record.unique_id) or manifest.unit_tests.get(record.unique_id)
    node = node or manifest.exposures.get(record.unique_id) or manifest.saved_queries.get(record.unique_id)
    node = node or manifest.functions.get(record.unique_id)
    if node is None:
        return None
    entry = record.entry
    return RunResult(
        status=_status(record.status, node),
        timing=[TimingInfo.from_dict(dict(timing)) for timing in entry.get("timing") or ()],
        thread_id=str(entry.get("thread_id") or ""),
        execution_time=record.seconds,
        message=entry.get("message"),
        failures=entry.get("failures"),
        adapter_response=dict(entry.get("adapter_response") or {}),
        node=node,
        batch_results=batches_of(entry),
    )


def reused(node: Any, decision: Decision) -> RunResult:
    """dbt's result of a node that turned out to need no build; dbt has no word of its own for that."""
    return RunResult.from_node(node, _status(NodeStatus(decision.status), node), decision.sentence)


def _status(status: NodeStatus, node: Any) -> RunStatus | TestStatus:
    """In dbt's enumerations, which do not know `reused`: it stands for nothing done, or for a test that passed."""
    if node.resource_type in (NodeType.Test, NodeType.Unit):
        return TestStatus.Pass if status is NodeStatus.REUSED else TestStatus(status.value)
    return RunStatus.NoOp if status is NodeStatus.REUSED else RunStatus(status.value)


def batches_of(entry: Mapping[str, Any]) -> BatchResults | None:
    """The batches of a node's object; None for what is not a microbatch model."""
    given = entry.get("batch_results")
    return BatchResults.from_dict(dict(given)) if given else None


def add_others(own: list[RunResult], records: Sequence[NodeResult], manifest: Manifest) -> None:
    """Complete this process' results by everybody else's, in the order in which they ended; in place.

    The manifest's nodes get the code that was compiled elsewhere.
    """
    known = {result.node.unique_id for result in own}
    for record in sorted(records, key=lambda record: completed_at(record.entry)):
        result = None if record.unique_id in known else from_record(record, manifest)
        if result is None:
            continue
        _take_over_compiled(result, record.entry)
        if not result.node.is_ephemeral_model:
            own.append(result)


def _take_over_compiled(result: RunResult, entry: Mapping[str, Any]) -> None:
    if not entry.get("compiled"):
        return
    if not hasattr(result.node, "compiled_code"):
        # A unit test: what dbt compiles is a node of its own, which the manifest does not hold.
        result.node = copy(result.node)
    node = result.node
    node.compiled, node.compiled_code = True, entry.get("compiled_code")
    node.relation_name = entry.get("relation_name") or getattr(node, "relation_name", None)


def invocation(flags: Any, plan: Plan, elapsed: float) -> bytes:
    """What run_results.json says besides its results: metadata, args, elapsed_time (seconds); as JSON."""
    artifact = RunResultsArtifact.from_execution_results(
        results=[],
        elapsed_time=elapsed,
        generated_at=datetime.now(UTC).replace(tzinfo=None),
        args={**args_to_dict(flags), "invocation_command": plan.command.line},
    ).to_dict(omit_none=False)
    args = asked_args(artifact["args"], plan)
    record = {"metadata": artifact["metadata"], "args": args, "elapsed_time": elapsed}
    return json.dumps(record, default=str).encode()
