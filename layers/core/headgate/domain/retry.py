"""Retry from failure: which nodes of a step that ended are built again. The rule is that of `dbt retry`.

dbt repeats what failed and what was skipped (dbt.task.retry.RETRYABLE_STATUSES). It cannot know of nodes that a
killed or cancelled invocation never came to; those are repeated here as well.
"""

from collections.abc import Collection, Iterable, Mapping

from headgate.domain.plan import Plan, PlannedNode
from headgate.domain.queue import NodeRecord
from headgate.domain.results import NodeStatus

RETRYABLE = frozenset(
    {
        NodeStatus.ERROR,
        NodeStatus.FAIL,
        NodeStatus.SKIPPED,
        NodeStatus.RUNTIME_ERROR,
        NodeStatus.PARTIAL_SUCCESS,
    }
)
# A test with one of these found something out; skipped ones never ran.
_FAILED_TEST = frozenset({NodeStatus.FAIL, NodeStatus.ERROR})
TEST, MODEL_AND_TEST = "test", "model_and_test"
SCOPES = (TEST, MODEL_AND_TEST)


def retry_set(
    plan: Plan,
    records: Iterable[NodeRecord],
    *,
    scope: str = TEST,
    tested: Mapping[str, Collection[str]] | None = None,
) -> set[str]:
    """The unique_ids to build again, unit tests among them; empty when all went well.

    records: what became of the plan's nodes. scope: `model_and_test` builds what a failed test looked at again, too.
    tested: test -> what it depends on. `dbt retry --warn-error` has no like: warnings are never repeated.
    """
    status = {record.unique_id: record.result.status for record in records if record.result is not None}
    built = {node.unique_id for node in plan.nodes}
    planned = built | {test for node in plan.nodes for test in _with_a_turn(node, status)}
    again = {node for node in planned if node not in status or status[node] in RETRYABLE}
    # dbt runs a unit test only together with its model.
    again |= {node.unique_id for node in plan.nodes if again & set(node.unit_tests)}
    if scope == MODEL_AND_TEST:
        failed = (test for test in again if status.get(test) in _FAILED_TEST)
        again |= {model for test in failed for model in (tested or {}).get(test, ()) if model in built}
    return again


def _with_a_turn(node: PlannedNode, status: Mapping[str, NodeStatus]) -> tuple[str, ...]:
    """Its unit tests, unless it is reused: they run only where their model is built."""
    return () if status.get(node.unique_id) is NodeStatus.REUSED else node.unit_tests
