"""Why a node is skipped, as dbt words it.

A claim says that the node is to be skipped. dbt's message depends on the cause: it names a failed ephemeral parent,
and says nothing otherwise. The cause may have failed in another runner.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dbt.artifacts.schemas.results import NodeStatus as DbtStatus
from dbt.artifacts.schemas.run import RunResult
from dbt.flags import get_flags

from headgate.domain.plan import OPENING
from headgate.domain.results import NodeResult, completed_at
from headgate_runner import run_results

if TYPE_CHECKING:
    from headgate_runner.shared_verbs import SharedVerb


class Skips:
    """Reads the step's results only when a cause is not known here, each node's fate at most once."""

    def __init__(self, engine: "SharedVerb") -> None:
        self._engine, self._share = engine, engine.share
        # `dbt build` marks the children of what it skips once more; the other verbs mark all descendants at once.
        self._marks_again = DbtStatus.Skipped in engine.MARK_DEPENDENT_ERRORS_STATUSES
        self._own: dict[str, RunResult] = {}
        self._failed: dict[str, NodeResult] = {}
        self._settled: set[str] = set()
        self._opened: bool | None = None

    def learn(self, unique_id: str, result: RunResult) -> None:
        """A node that blocks its children ended here."""
        self._own[unique_id] = result

    def nothing_was_opened(self) -> bool:
        """Whether on-run-start failed in a project that wants every node skipped then."""
        if not get_flags().skip_nodes_if_on_run_start_fails:
            return False
        if self._opened is None:
            results = self._share.world.queue.results(self._share.plan.run_id, self._share.plan.step)
            self._opened = not failed_to_open(results)
        return not self._opened

    def cause(self, unique_id: str) -> RunResult | None:
        """The failed ephemeral model that dbt names in the message of the node that it skips; None: no message."""
        reach = self._reach(unique_id)
        if not any(self._engine.planned[node].materialized == "ephemeral" for node in reach):
            return None
        self._settle(reach)
        culprits = [self._failed[node] for node in reach if node in self._failed and self._marks(node)]
        # The mark that was set last stays.
        last = max(culprits, key=lambda record: completed_at(record.entry), default=None)
        if last is None or self._engine.planned[last.unique_id].materialized != "ephemeral":
            return None
        return self._own.get(last.unique_id) or run_results.from_record(last, self._engine.manifest)

    def _reach(self, unique_id: str) -> list[str]:
        """The nodes that may have marked this one: parents, or all ancestors."""
        planned = self._engine.planned
        found = dict.fromkeys(planned[unique_id].parents)
        rest = [] if self._marks_again else list(found)
        while rest:
            new = [parent for parent in planned[rest.pop()].parents if parent not in found]
            found.update(dict.fromkeys(new))
            rest.extend(new)
        return list(found)

    def _marks(self, unique_id: str) -> bool:
        return str(self._failed[unique_id].status) in map(str, self._engine.MARK_DEPENDENT_ERRORS_STATUSES)

    def _settle(self, reach: Iterable[str]) -> None:
        missing = set(reach) - self._settled
        if not missing:
            return
        # Everything this node waited for has ended: whoever is not among the failed now never will be.
        results = self._share.world.queue.results(self._share.plan.run_id, self._share.plan.step)
        self._failed = {result.unique_id: result for result in results if result.blocks_children}
        self._settled |= missing


def failed_to_open(results: Iterable[NodeResult]) -> bool:
    """Whether the step's opening is recorded as skipped: on-run-start failed, and that counts."""
    return any(result.unique_id == OPENING and result.blocks_children for result in results)


def skipped(node: Any, message: str | None) -> RunResult:
    """dbt's result of a node that it never came to."""
    return RunResult.from_node(node, DbtStatus.Skipped, message)
