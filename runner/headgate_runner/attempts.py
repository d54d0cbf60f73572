"""Attempts at one node inside a live runner: what failed and may pass is built again, without starting dbt again.

All of them happen in the pool thread that has the node. dbt hears of the node's end only after the last one, so no
child is marked to be skipped before that, and nothing of an earlier attempt stays anywhere but in the log.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from dbt.artifacts.schemas.results import NodeStatus
from dbt.artifacts.schemas.run import RunResult

from headgate.domain.error_class import BUILT_IN, ErrorClass, classify
from headgate.domain.plan import PlannedNode
from headgate.domain.queue import Claim
from headgate_runner.sessions import OpenSessions
from headgate_runner.share import Share
from headgate_runner.shared_queue import SharedQueue
from headgate_runner.supervision import TooLittleMemoryError
from headgate_runner.time_limits import TimeLimit

FAILED = (NodeStatus.Error, NodeStatus.Fail, NodeStatus.PartialSuccess, NodeStatus.RuntimeErr)
# After these nobody knows what the warehouse has done: it may have committed what it never told us.
UNCERTAIN = frozenset({"timeout", "network"})
# Attempts that do not count still end some time.
MOST_ATTEMPTS = 20
REFUSED = (
    "an earlier attempt was lost and may have written already; "
    "it is repeated only with `retries: {non_idempotent: true}`"
)


class Attempts:
    """Decides on every failed attempt of this runner whether another one follows.

    again: the nodes of which an earlier attempt may have left something behind; for them `end_orphans` and
    `relations.recover` must run before the next attempt, in the node's own connection.
    """

    def __init__(
        self, share: Share, queue: SharedQueue, sessions: OpenSessions, random: Random | None = None
    ) -> None:
        self._share, self._queue, self._sessions = share, queue, sessions
        self._planned = {node.unique_id: node for node in share.plan.nodes}
        self._random = random or Random()  # noqa: S311 - spreads attempts, guards nothing
        self.again: set[str] = set()
        self._late: set[str] = set()

    def result_of(
        self,
        node: Any,
        attempt: Callable[[], RunResult],
        claim: Claim,
        attached: Callable[[], Sequence[RunResult]] = tuple,
    ) -> RunResult:
        """The node's only result: that of its last attempt.

        attempt: one whole turn of dbt's; it must begin without what the one before left in this process (results of
        unit tests among it). attached: the unit tests' results of the latest attempt. Does not return when the
        runner has to leave during a pause: then the node is handed back.
        """
        planned = self._planned[claim.unique_id]
        if claim.uncertain and not self._may_repeat(planned):
            self._share.log.write("error", REFUSED, claim.unique_id)
            return RunResult.from_node(node, NodeStatus.Error, REFUSED)
        if claim.attempt > 1:
            self.again.add(claim.unique_id)
        failures: list[ErrorClass] = []
        while True:
            result, error_class = self._attempt(planned, attempt, attached)
            if error_class is None:
                return result
            failures.append(error_class)
            if not self._is_repeated(planned, failures):
                return result
            if error_class.larger_runner:
                if claim.attempt > self._share.plan.retries.max:
                    return result
                # From this pool thread to the supervision: everything held here goes back to the queue.
                raise TooLittleMemoryError(claim.unique_id)
            self._pause(planned, failures)
            forget_compiled(node)
            self.again.add(claim.unique_id)

    def is_late(self, unique_id: str) -> bool:
        """Whether the attempt that is being made has passed its limit: its queries are cancelled."""
        return unique_id in self._late

    def _attempt(
        self,
        planned: PlannedNode,
        attempt: Callable[[], RunResult],
        attached: Callable[[], Sequence[RunResult]],
    ) -> tuple[RunResult, ErrorClass | None]:
        """One attempt's result, and the class of its failure if it is one."""
        self._late.discard(planned.unique_id)
        with TimeLimit(planned.timeout_seconds, lambda: self._cancel(planned)) as limit:
            result = attempt()
        failures = [one for one in (result, *attached()) if one.status in FAILED]
        if not failures:
            return result, None
        # Of tests that share a turn, one may have found something while another one could not look.
        errors = [one for one in failures if one.status != NodeStatus.Fail]
        failure = (*errors, *failures)[0]
        if limit.passed and errors:
            for one in errors:
                one.message = limit.message
            return result, self._named("timeout")
        if failure.status == NodeStatus.Fail:
            return result, self._named("test_failure")
        return result, classify(failure.message or "", self._share.plan.error_classes)

    def _cancel(self, planned: PlannedNode) -> None:
        self._late.add(planned.unique_id)
        try:
            self._sessions.cancel_nodes({planned.unique_id, *planned.unit_tests, *planned.batch})
        except Exception as fault:  # noqa: BLE001 - a query may end just now; the limit cancels again
            self._share.log.write("debug", f"could not cancel: {fault!r}", planned.unique_id)

    def _named(self, name: str) -> ErrorClass:
        known = (*self._share.plan.error_classes, *BUILT_IN)
        return next(error_class for error_class in known if error_class.name == name)

    def _is_repeated(self, planned: PlannedNode, failures: Sequence[ErrorClass]) -> bool:
        latest = failures[-1]
        if len(failures) >= MOST_ATTEMPTS or (latest.name in UNCERTAIN and not self._may_repeat(planned)):
            return False
        return self._share.plan.retries.allows(latest, sum(one.counts for one in failures))

    def _may_repeat(self, planned: PlannedNode) -> bool:
        return planned.repeatable or self._share.plan.retries.non_idempotent

    def _pause(self, planned: PlannedNode, failures: Sequence[ErrorClass]) -> None:
        latest = failures[-1]
        if latest.fewer_threads:
            self._queue.use_fewer_threads()
        earlier = sum(one.name == latest.name for one in failures) - 1
        # Between half and all of it: nodes that failed together do not come back together.
        seconds = min(latest.first_seconds * 2.0**earlier, latest.longest_seconds)
        seconds *= self._random.uniform(0.5, 1.0)
        text = f"attempt {len(failures)} failed ({latest.name}); again in {seconds:.1f} s"
        self._share.log.write("warn", text, planned.unique_id)
        self._queue.hold(planned.unique_id, seconds)


def forget_compiled(node: Any) -> None:
    """Make dbt compile the node as if for the first time: it injects ephemeral parents only once per node."""
    first: dict[str, Any] = {
        "compiled": False,
        "compiled_code": None,
        "extra_ctes_injected": False,
        "extra_ctes": [],
        "_pre_injected_sql": None,
    }
    for name, value in first.items():
        if hasattr(node, name):
            setattr(node, name, value)
