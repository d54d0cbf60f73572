"""What became of a node: dbt's own result record with who ran it, and the merge of many into one artifact.

Statuses are exactly dbt's (dbt.artifacts.schemas.results).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# How much of a message is listed with a node; the whole of it is in the full result.
MESSAGE_LENGTH = 2_000
# The runner of a result that was known before any runner was there.
NOBODY = 0
# dbt writes no run_results.json for these; what became of the sources is in the runner's sources.json.
WITHOUT_RUN_RESULTS = frozenset({"deps", "debug", "source freshness"})


class NodeStatus(StrEnum):
    """dbt's node statuses, word for word."""

    SUCCESS = "success"
    ERROR = "error"
    FAIL = "fail"
    WARN = "warn"
    SKIPPED = "skipped"
    PARTIAL_SUCCESS = "partial success"
    PASS = "pass"  # noqa: S105 - dbt's word for a test, not a password
    RUNTIME_ERROR = "runtime error"
    NO_OP = "no-op"
    REUSED = "reused"


# After one of these dbt marks every dependent as skipped: BuildTask.MARK_DEPENDENT_ERRORS_STATUSES.
BLOCKING = frozenset({NodeStatus.ERROR, NodeStatus.FAIL, NodeStatus.SKIPPED, NodeStatus.PARTIAL_SUCCESS})
# Any of these makes the invocation unsuccessful: GraphRunnableTask.interpret_results.
FAILED = frozenset({NodeStatus.ERROR, NodeStatus.FAIL, NodeStatus.RUNTIME_ERROR, NodeStatus.PARTIAL_SUCCESS})


@dataclass(frozen=True, slots=True)
class NodeResult:
    """One node's outcome.

    entry: the node's object in run_results.json v6, as dbt would write it (status, timing, thread_id,
    execution_time, adapter_response, message, failures, unique_id, compiled, compiled_code, relation_name,
    batch_results). runner: which runner ran it (1-based).
    """

    unique_id: str
    status: NodeStatus
    entry: Mapping[str, Any]
    runner: int

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any], runner: int) -> "NodeResult":
        return cls(str(entry["unique_id"]), NodeStatus(str(entry["status"])), entry, runner)

    @classmethod
    def of_reused(cls, unique_id: str, status: str, message: str, relation: str = "") -> "NodeResult":
        """What dbt would have written of a node, had it known that there was nothing to do."""
        entry = {
            "status": status,
            "timing": [],
            "thread_id": "",
            "execution_time": 0.0,
            "adapter_response": {},
            "message": message,
            "failures": None,
            "unique_id": unique_id,
            "compiled": None,
            "compiled_code": None,
            "relation_name": relation or None,
            "batch_results": None,
        }
        return cls.from_entry(entry, NOBODY)

    @property
    def message(self) -> str:
        return str(self.entry.get("message") or "")

    @property
    def seconds(self) -> float:
        return float(self.entry.get("execution_time") or 0.0)

    @property
    def blocks_children(self) -> bool:
        return self.status in BLOCKING

    @property
    def failed(self) -> bool:
        return self.status in FAILED


def completed_at(entry: Mapping[str, Any]) -> str:
    """When the node ended (dbt's timestamps sort as text); skipped nodes have no timing and sort last."""
    return max((str(t.get("completed_at") or "") for t in entry.get("timing") or ()), default="") or "~"


def merge_run_results(
    results: Iterable[NodeResult], *, metadata: Mapping[str, Any], args: Mapping[str, Any], elapsed: float
) -> dict[str, Any]:
    """One run_results.json (schema v6) for a step, from the records of all its runners.

    `args` must keep dbt's own invocation arguments: `dbt retry` reads `args.which`.
    """
    entries = sorted((result.entry for result in results), key=completed_at)
    return {"metadata": dict(metadata), "results": list(entries), "elapsed_time": elapsed, "args": dict(args)}


def counts(results: Iterable[NodeResult]) -> dict[str, int]:
    """dbt status -> number of nodes."""
    found: dict[str, int] = {}
    for result in results:
        found[result.status.value] = found.get(result.status.value, 0) + 1
    return found
