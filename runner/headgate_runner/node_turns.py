"""A node's whole turn in a pool thread: whether it is still to be built, what others did, its attempts, its record.

dbt's results and the queue's record get the node's last attempt and nothing of those before it.
"""

from dataclasses import replace
from threading import local
from typing import TYPE_CHECKING, Any

from dbt.artifacts.schemas.run import RunResult

from headgate.domain.decision import Decision
from headgate.domain.queue import Claim
from headgate.domain.results import BLOCKING, NodeResult, NodeStatus
from headgate_runner import run_results
from headgate_runner.attempts import Attempts
from headgate_runner.fail_fast import FailFast
from headgate_runner.relations import RelationSight
from headgate_runner.sessions import OpenSessions, end_orphans
from headgate_runner.skips import Skips, skipped

if TYPE_CHECKING:
    from headgate_runner.shared_verbs import SharedVerb


class NodeTurns:
    """Every node that this runner builds passes through `take`."""

    def __init__(self, engine: "SharedVerb", attempts: Attempts, sessions: OpenSessions) -> None:
        self._engine, self._attempts, self._share = engine, attempts, engine.share
        self._queue = engine.job_queue
        self._sight = RelationSight(engine.config, engine.manifest, engine.planned, self._share.plan.runners)
        self._skips = Skips(engine)
        self._fail_fast = FailFast(
            self._share, sessions, lambda: not self._queue.in_progress, self._queue.end_pauses
        )
        self._here = local()
        # unique_id -> how the sessions of the lost attempt that held its relation were called.
        self._lost: dict[str, tuple[str, ...]] = {}

    def take(self, claim: Claim, pool: Any) -> RunResult:
        """Build the node, record its end, return dbt's result."""
        node = self._node(claim.unique_id)
        decision = None if claim.skip else self._share.session.decide_again(claim)
        if decision is not None:
            return self._reuse(node, decision)
        self._look_around(claim)
        self._here.attached = []
        result = self._skip(claim, node, pool) if claim.skip else self._build(claim, node, pool)
        attached = self._whole_batch(node, result, list(self._here.attached))
        self._here.attached = None
        self._fail_fast.look_at(claim.unique_id, [*attached, result])
        self._record(node, result, attached)
        return result

    def _reuse(self, node: Any, decision: Decision) -> RunResult:
        """Another run has built it meanwhile: it ends without a build, and its children may begin."""
        unique_id = node.unique_id
        self._share.log.write("info", f"reused, {decision.sentence}", unique_id)
        relation = self._engine.planned[unique_id].relation
        record = NodeResult.of_reused(unique_id, decision.status, decision.sentence, relation)
        self._queue.finish(unique_id, replace(record, runner=self._share.settings.runner))
        return run_results.reused(node, decision)

    def _look_around(self, claim: Claim) -> None:
        """Before an attempt: what dbt has read of the warehouse may be older than what other runs did to it."""
        holder = claim.hold.before.holder if claim.hold is not None else ""
        tag = self._share.tag_of(holder)
        # It is our own where a hold was asked for twice.
        if tag not in (None, self._share.tag):
            self._lost[claim.unique_id] = (str(tag),)
        if self._share.session.is_beside_others(claim.unique_id):
            self._attempts.again.add(claim.unique_id)

    def attach(self, result: RunResult) -> bool:
        """Keep a unit test's result, which dbt hands on within its model's turn. False: it is none of those."""
        attached = getattr(self._here, "attached", None)
        if attached is not None:
            attached.append(result)
        return attached is not None

    @property
    def stop(self) -> bool:
        """Whether what is being built will count as skipped: the batches that are left need not begin."""
        return self._fail_fast.noticed

    def end(self) -> None:
        """No node of this runner is left."""
        self._fail_fast.end()

    def prepare_and_compile(self, runner: Any, manifest: Any) -> Any:
        """In place of the node runner's `compile`.

        Here, and not before: dbt has opened the node's connection, and turns a fault into the node's error.
        """
        self.prepare(runner.adapter, runner.node)
        return type(runner).compile(runner, manifest)

    def prepare(self, adapter: Any, node: Any) -> None:
        """What must happen in a node's connection before dbt's first query for it."""
        again = node.unique_id in self._attempts.again
        if again:
            tags = [*self._share.void_tags(), *self._lost.get(node.unique_id, ())]
            end_orphans(adapter, self._share.tag, node.unique_id, tags)
        self._sight.catch_up(adapter, node, again=again)

    def is_late(self, unique_id: str) -> bool:
        """Whether the node's attempt has passed its limit, so that no other query of it is to begin."""
        return self._attempts.is_late(unique_id)

    def _whole_batch(self, node: Any, result: RunResult, attached: list[RunResult]) -> list[RunResult]:
        """What was skipped or refused without dbt was it for all tests of a batch."""
        known = {other.node.unique_id for other in attached}
        rest = [test for test in self._engine.planned[node.unique_id].batch if test not in known]
        return attached + [
            RunResult.from_node(self._node(test), result.status, result.message) for test in rest
        ]

    def _node(self, unique_id: str) -> Any:
        # `dbt test` has unit tests as nodes of their own; a manifest does not count them among its members.
        manifest = self._engine.manifest
        return manifest.unit_tests.get(unique_id) or manifest.expect(unique_id)

    def _skip(self, claim: Claim, node: Any, pool: Any) -> RunResult:
        if self._fail_fast.is_culprit(claim.unique_id):
            # It failed, and its runner was lost before the record: it was never skipped.
            return self._build(claim, node, pool)
        if self._fail_fast.begun():
            return self._fail_fast.skipped(node)
        if self._skips.nothing_was_opened():
            return skipped(node, None)
        self._engine.skip_because(claim.unique_id, self._skips.cause(claim.unique_id))
        return self._engine.build_node(node, pool)

    def _build(self, claim: Claim, node: Any, pool: Any) -> RunResult:
        before: list[RunResult] = []

        def attempt() -> RunResult:
            self._here.attached = []
            if before:
                if self._fail_fast.forbids(claim.unique_id):
                    return self._fail_fast.skipped(node)
                keep_batches(node, before.pop())
            result = self._engine.build_node(node, pool)
            before.append(result)
            if not self._fail_fast.cancels(claim.unique_id, [*self._here.attached, result]):
                return result
            self._here.attached = []
            return self._fail_fast.skipped(node)

        return self._attempts.result_of(node, attempt, claim, lambda: self._here.attached)

    def _record(self, node: Any, result: RunResult, attached: list[RunResult]) -> None:
        blocking = NodeStatus(str(result.status)) in BLOCKING
        if blocking:
            self._skips.learn(node.unique_id, result)
        for other in attached:
            self._engine.count(other)
        self._sight.built.add(node.unique_id)
        # dbt's run results leave ephemeral models out; a failed one is recorded, for its children's sake.
        record = None if node.is_ephemeral_model and not blocking else self._engine.record(result)
        self._queue.finish(node.unique_id, record, [self._engine.record(other) for other in attached])


def keep_batches(node: Any, result: RunResult) -> None:
    """Let the next attempt at a microbatch model build only the batches that failed, as `dbt retry` does."""
    batches = result.batch_results
    if batches is not None and batches.successful and batches.failed:
        node.previous_batch_results = batches
