"""A step's opening and closing: schemas and hooks once per step, artifacts once per step.

Both are nodes of the queue, so exactly one runner does each (docs/decisions/0003-opening-and-closing.md).
"""

import time
from collections.abc import Callable, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbt.adapters.factory import get_adapter
from dbt.artifacts.schemas.results import RunStatus
from dbt.artifacts.schemas.run import RunResult
from dbt.flags import get_flags
from dbt.task import group_lookup
from dbt_common.invocation import get_invocation_id

from headgate.domain.plan import CLOSING, OPENING
from headgate.domain.queue import Claim
from headgate.domain.results import NodeResult, NodeStatus
from headgate.usecases.begin_run import begin_run
from headgate_runner import run_results
from headgate_runner.relations import absent
from headgate_runner.sessions import end_orphans
from headgate_runner.skips import failed_to_open

if TYPE_CHECKING:
    from headgate_runner.shared_verbs import SharedVerb


class StepEnds:
    """What happens before the first node and after the last one."""

    def __init__(self, engine: "SharedVerb") -> None:
        self._engine, self._share = engine, engine.share

    # Before the first node ------------------------------------------------------------------------------------

    def begin(
        self, adapter: Any, selected: Set[str], before_run: Callable[[Any, Set[str]], RunStatus]
    ) -> None:
        """Open the step by dbt's own `before_run`, or wait until another runner has opened it."""
        engine, log = self._engine, self._share.log
        engine.phase = "waiting"
        with log.timed("waiting for the queue"):
            claim = engine.job_queue.look()
        if claim is None:
            return
        opens = claim.unique_id == OPENING
        engine.phase = "opening" if opens else "joining"
        with log.timed(engine.phase):
            if opens:
                self._end_lost(claim)
                self._open(lambda: before_run(adapter, selected))
            else:
                self._join(adapter, selected)

    def _open(self, before_run: Callable[[], RunStatus]) -> None:
        engine = self._engine
        engine.job_queue.take()
        begin_run(self._share.plan.run_id, runs=self._share.world.runs)
        status = before_run()
        skip = status != RunStatus.Success and get_flags().skip_nodes_if_on_run_start_fails
        if self._share.plan.reuse and not skip:
            self._look()
        hooks = [engine.record(result) for result in engine.node_results]
        engine.job_queue.finish(OPENING, self._skipped_opening() if skip else None, hooks)
        engine.job_queue.mark_done(OPENING)

    def _look(self) -> None:
        """Whether what is reused is still there; what is not gets a turn, and what reads it with it."""
        engine, share = self._engine, self._share
        reused = [node.unique_id for node in share.plan.nodes if node.relation and not node.is_built]
        nodes = [
            engine.manifest.nodes[unique_id] for unique_id in reused if unique_id in engine.manifest.nodes
        ]
        adapter = get_adapter(engine.config)
        with adapter.connection_named("master"):
            missing = absent(adapter, engine.config, nodes)
        for unique_id in share.session.revive_missing(missing):
            why = "its relation is not there" if unique_id in missing else "what it reads is built"
            share.log.write("warn", f"not reused: {why}", unique_id)

    def _end_lost(self, claim: Claim) -> None:
        """A lost runner's hook must not go on beside its repetition."""
        if claim.attempt > 1:
            adapter = get_adapter(self._engine.config)
            with adapter.connection_named("master"):
                end_orphans(adapter, self._share.tag, claim.unique_id, self._share.void_tags())

    def _skipped_opening(self) -> NodeResult:
        entry = {"unique_id": OPENING, "status": NodeStatus.SKIPPED.value, "message": "on-run-start failed"}
        return NodeResult.from_entry(entry, self._share.settings.runner)

    def _join(self, adapter: Any, selected: Set[str]) -> None:
        engine = self._engine
        # What each verb would have to create, only where dbt looks at it.
        wanted = engine.get_model_schemas(adapter, selected) if get_flags().CACHE_SELECTED_ONLY else None
        with adapter.connection_named("master"):
            # dbt's own `before_run` does it for whoever opens the step.
            engine.defer_to_manifest()
            engine.populate_adapter_cache(adapter, wanted)
        engine.populate_microbatch_batches(selected)
        group_lookup.init(engine.manifest, selected)

    # After the last node --------------------------------------------------------------------------------------

    def close(self, after_run: Callable[[list[RunResult]], None]) -> None:
        """Close the step by dbt's own `after_run`, if this is the runner that claimed its closing."""
        engine = self._engine
        claim = engine.job_queue.look()
        if claim is None:
            return
        engine.phase = "closing"
        self._end_lost(claim)
        engine.job_queue.take()
        records = self._share.world.queue.results(self._share.plan.run_id, self._share.plan.step)
        run_results.add_others(engine.node_results, records, engine.manifest)
        others = len(engine.node_results)
        try:
            # dbt hands no results to on-run-end where a failed on-run-start skipped every node.
            after_run([] if failed_to_open(records) else engine.node_results)
        finally:
            self._leave_artifacts()
        hooks = [engine.record(result) for result in engine.node_results[others:]]
        engine.job_queue.finish(CLOSING, None, hooks)
        engine.job_queue.mark_done(CLOSING)
        engine.phase = "closed"

    def _leave_artifacts(self) -> None:
        engine = self._engine
        path = Path(engine.config.project_target_path) / "manifest.json"
        engine.manifest.metadata.invocation_id = get_invocation_id()
        engine.manifest.metadata.generated_at = datetime.now(UTC).replace(tzinfo=None)
        engine.manifest.write(str(path))
        self._put("manifest.json", path.read_bytes())
        elapsed = time.time() - engine.started_at
        self._put("invocation.json", run_results.invocation(engine.args, self._share.plan, elapsed))

    def _put(self, name: str, body: bytes) -> None:
        plan = self._share.plan
        clean = self._share.redactor.text(body.decode()).encode()
        self._share.world.artifacts.put(plan.run_id, plan.step, name, clean)
