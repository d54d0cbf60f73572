"""dbt's build task with the shared queue in place of its own.

Selection, the compile of the graph and the pass over test edges fall away: the plan has their outcome. Schemas,
hooks and artifacts belong to the step, not to a process, so they hang on the step's own two nodes.
"""

import time
from collections.abc import Callable, Set
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import local
from typing import Any

import networkx
from dbt.artifacts.schemas.results import RunStatus
from dbt.artifacts.schemas.run import RunResult
from dbt.flags import get_flags
from dbt.graph import Graph
from dbt.node_types import NodeType
from dbt.selected_resources import set_selected_resources
from dbt.task import group_lookup
from dbt.task.build import BuildTask
from dbt_common.invocation import get_invocation_id

from headgate.domain.plan import CLOSING, OPENING
from headgate.domain.results import BLOCKING, NodeResult, NodeStatus
from headgate.domain.run import RunStatus as Status
from headgate_runner import relations, run_results
from headgate_runner.flat_graph import FlatGraph
from headgate_runner.sessions import OpenSessions, end_orphans, mark_queries, name_sessions
from headgate_runner.share import Share
from headgate_runner.shared_queue import SharedQueue


class SharedBuildTask(BuildTask):  # type: ignore[misc]
    """One runner's part of one `dbt build`."""

    def __init__(self, args: Any, config: Any, manifest: Any, share: Share) -> None:
        super().__init__(args, config, manifest)
        self.share = share
        self.phase = "starting"
        self.sessions: OpenSessions | None = None
        self._planned = {node.unique_id: node for node in share.plan.nodes}
        self._built: set[str] = set()
        self._again: set[str] = set()
        self._failed_ephemerals: dict[str, RunResult] = {}
        self._turn = local()
        self.job_queue: SharedQueue = SharedQueue(
            share.session, self._planned, config.threads, share.supervision.report
        )
        name_sessions(config, share.tag)

    # The plan in place of selection ---------------------------------------------------------------------------

    def compile_manifest(self) -> None:
        self.compiler.initialize()
        self.graph = Graph(networkx.DiGraph())
        self.manifest.flat_graph = FlatGraph(self.manifest)

    def get_graph_queue(self) -> SharedQueue:
        set_selected_resources(set(self._planned))
        self.model_to_unit_test_map = {node.unique_id: node.unit_tests for node in self.share.plan.nodes}
        self.selected_unit_tests = {test for node in self.share.plan.nodes for test in node.unit_tests}
        return self.job_queue

    def _runtime_initialize(self) -> None:
        super()._runtime_initialize()
        self.num_nodes += len(self.selected_unit_tests)

    # Before the first node ------------------------------------------------------------------------------------

    def before_run(self, adapter: Any, selected_uids: Set[str]) -> RunStatus:
        """Open the step, or wait until another runner has opened it."""
        mark_queries(adapter, self.share.tag)
        self.sessions = OpenSessions(adapter)
        self.phase, log = "waiting", self.share.log
        with log.timed("waiting for the queue"):
            claim = self.job_queue.look()
        if claim is not None:
            self.phase = "opening" if claim.unique_id == OPENING else "joining"
            with log.timed(self.phase):
                (self._open if claim.unique_id == OPENING else self._join)(adapter, selected_uids)
        self.phase = "building"
        return RunStatus.Success

    def _open(self, adapter: Any, selected_uids: Set[str]) -> None:
        self.job_queue.take()
        self.share.world.runs.move(self.share.plan.run_id, Status.RUNNING)
        status = super().before_run(adapter, selected_uids)
        skip = status != RunStatus.Success and get_flags().skip_nodes_if_on_run_start_fails
        hooks = [self._record(result) for result in self.node_results]
        self.job_queue.finish(OPENING, self._skipped_opening() if skip else None, hooks)
        self.job_queue.mark_done(OPENING)

    def _skipped_opening(self) -> NodeResult:
        entry = {"unique_id": OPENING, "status": NodeStatus.SKIPPED.value, "message": "on-run-start failed"}
        return NodeResult.from_entry(entry, self.share.settings.runner)

    def _join(self, adapter: Any, selected_uids: Set[str]) -> None:
        with adapter.connection_named("master"):
            self.populate_adapter_cache(adapter, self.get_model_schemas(adapter, selected_uids))
        group_lookup.init(self.manifest, selected_uids)

    # Nodes ----------------------------------------------------------------------------------------------------

    def handle_job_queue(self, pool: Any, callback: Callable[[RunResult], None]) -> None:
        """Give the claimed node to a thread."""
        claim = self.job_queue.take()
        if claim.attempt > 1:
            self._again.add(claim.unique_id)
        if claim.skip:
            self._skipped_children[claim.unique_id] = self._cause(claim.unique_id)
        pool.apply_async(
            self._take_turn,
            args=[self.manifest.expect(claim.unique_id), pool],
            callback=partial(self._collect, callback),
            error_callback=self.job_queue.fail,
        )

    def _take_turn(self, node: Any, pool: Any) -> RunResult:
        """A node's whole turn, in a pool thread: its unit tests, the node, the record."""
        self._turn.attached = []
        result = self.call_model_and_unit_tests_runner(node, pool)
        blocking = NodeStatus(str(result.status)) in BLOCKING
        if node.is_ephemeral_model and blocking:
            self._failed_ephemerals[node.unique_id] = result
        # dbt's run results leave ephemeral models out; a failed one is recorded, for its children's sake.
        record = None if node.is_ephemeral_model and not blocking else self._record(result)
        self._built.add(node.unique_id)
        self.job_queue.finish(node.unique_id, record, [self._record(other) for other in self._turn.attached])
        return result

    def _collect(self, callback: Callable[[RunResult], None], result: RunResult) -> None:
        # An exception in the pool's callback thread would end that thread and hang dbt.
        try:
            callback(result)
        except Exception as fault:  # noqa: BLE001
            self.job_queue.fail(fault)

    def _handle_result(self, result: RunResult) -> None:
        if result.node.resource_type == NodeType.Unit:
            self._turn.attached.append(result)
        super()._handle_result(result)

    def _mark_dependent_errors(self, node_id: str, result: RunResult, cause: RunResult | None) -> None:
        """Nothing: whether a node is skipped comes with its claim."""

    def _record(self, result: RunResult) -> NodeResult:
        return run_results.to_record(result, self.share.settings.runner, self.share.redactor)

    def _cause(self, unique_id: str) -> RunResult | None:
        """The failed ephemeral parent, which dbt names in the message of the node that it skips."""
        for parent in self._planned[unique_id].parents:
            if self._planned[parent].materialized == "ephemeral":
                cause = self._failed_ephemerals.get(parent) or self._failed_elsewhere(parent)
                if cause is not None:
                    return cause
        return None

    def _failed_elsewhere(self, unique_id: str) -> RunResult | None:
        plan = self.share.plan
        records = self.share.world.queue.results(plan.run_id, plan.step)
        found = next((record for record in records if record.unique_id == unique_id), None)
        return run_results.from_record(found, self.manifest) if found and found.blocks_children else None

    # What others built, or left behind ------------------------------------------------------------------------

    def get_runner(self, node: Any) -> Any:
        runner = super().get_runner(node)
        runner.compile = partial(self._prepare_and_compile, runner)
        return runner

    def _prepare_and_compile(self, runner: Any, manifest: Any) -> Any:
        # Here, and not before: dbt has opened the node's connection, and turns a fault into the node's error.
        if self.share.plan.runners > 1:
            relations.remember(runner.adapter, self.config, self._built_elsewhere(runner.node))
        if runner.node.unique_id in self._again:
            end_orphans(runner.adapter, self.share.tag, runner.node.unique_id)
            relations.recover(runner.adapter, self.config, runner.node)
        elif self.share.plan.runners > 1:
            relations.refresh(runner.adapter, self.config, runner.node)
        return type(runner).compile(runner, manifest)

    def _built_elsewhere(self, node: Any) -> list[Any]:
        elsewhere = self._planned.keys() - self._built
        return [n for n in relations.parents_of(node, self.manifest.nodes) if n.unique_id in elsewhere]

    # After the last node --------------------------------------------------------------------------------------

    def after_run(self, adapter: Any, results: list[RunResult]) -> None:  # noqa: ARG002
        """Close the step, if this is the runner that claimed its closing."""
        claim = self.job_queue.look()
        if claim is None:
            return
        self.phase = "closing"
        self.job_queue.take()
        plan = self.share.plan
        run_results.add_others(
            self.node_results, self.share.world.queue.results(plan.run_id, plan.step), self.manifest
        )
        others = len(self.node_results)
        try:
            super().after_run(adapter, self.node_results)
        finally:
            self._leave_artifacts()
        hooks = [self._record(result) for result in self.node_results[others:]]
        self.job_queue.finish(CLOSING, None, hooks)
        self.job_queue.mark_done(CLOSING)
        self.phase = "closed"

    def _leave_artifacts(self) -> None:
        path = Path(self.config.project_target_path) / "manifest.json"
        self.manifest.metadata.invocation_id = get_invocation_id()
        self.manifest.metadata.generated_at = datetime.now(UTC).replace(tzinfo=None)
        self.manifest.write(str(path))
        self._put("manifest.json", path.read_bytes())
        elapsed = time.time() - self.started_at
        self._put("invocation.json", run_results.invocation(self.args, self.share.plan.command, elapsed))

    def _put(self, name: str, body: bytes) -> None:
        plan = self.share.plan
        clean = self.share.redactor.text(body.decode()).encode()
        self.share.world.artifacts.put(plan.run_id, plan.step, name, clean)
