"""dbt's own classes of the five verbs that walk the graph, with the shared queue in place of dbt's.

Selection, the compile of the graph and the pass over test edges fall away: the plan has their outcome. Everything
else is dbt's: what a verb does with a node, how it counts, what it prints. Schemas, hooks and artifacts belong to the
step, not to a process (step_ends.py); a node's turn has more to it than dbt's (node_turns.py).
"""

from collections.abc import Callable, Sequence, Set
from functools import partial
from typing import Any

import networkx
from dbt.artifacts.schemas.results import RunStatus
from dbt.artifacts.schemas.run import RunResult
from dbt.graph import Graph
from dbt.selected_resources import set_selected_resources
from dbt.task.build import BuildTask
from dbt.task.run import MicrobatchModelRunner, RunTask
from dbt.task.seed import SeedTask
from dbt.task.snapshot import SnapshotTask
from dbt.task.test import TestTask

from headgate.domain.results import NodeResult
from headgate_runner import run_results
from headgate_runner.attempts import Attempts
from headgate_runner.batched_tests import BatchedTests
from headgate_runner.flat_graph import FlatGraph
from headgate_runner.node_turns import NodeTurns
from headgate_runner.one_invocation import join_invocation, take_over_batches
from headgate_runner.sessions import OpenSessions, fence_statements, mark_queries, name_sessions
from headgate_runner.share import Share
from headgate_runner.shared_queue import SharedQueue
from headgate_runner.step_ends import StepEnds
from headgate_runner.usage import used_until


class SharedVerb(RunTask):  # type: ignore[misc]
    """One runner's part of one `dbt run`; base of the other verbs.

    sessions, turns: made once the adapter exists, before the first node.
    """

    def __init__(self, args: Any, config: Any, manifest: Any, share: Share) -> None:
        super().__init__(args, config, manifest)
        self.share = share
        self.phase = "starting"
        self.sessions: OpenSessions | None = None
        self.turns: NodeTurns | None = None
        self.planned = {node.unique_id: node for node in share.plan.nodes}
        self.job_queue: SharedQueue = SharedQueue(
            share.session, self.planned, config.threads, share.supervision.report
        )
        self._ends = StepEnds(self)
        self._batches = BatchedTests(self)
        name_sessions(config, share.tag)
        join_invocation(share)

    # The plan in place of selection ---------------------------------------------------------------------------

    def compile_manifest(self) -> None:
        self.compiler.initialize()
        self.graph = Graph(networkx.DiGraph())
        self.manifest.flat_graph = FlatGraph(self.manifest)

    def get_graph_queue(self) -> SharedQueue:
        set_selected_resources(set(self.planned))
        return self.job_queue

    # Before the first node and after the last one ---------------------------------------------------------------

    def before_run(self, adapter: Any, selected_uids: Set[str]) -> RunStatus:
        """Open the step, or wait until another runner has opened it."""
        mark_queries(adapter, self.share.tag)
        fence_statements(adapter, self.share.check_lease)
        self.sessions = OpenSessions(adapter)
        self.turns = NodeTurns(self, Attempts(self.share, self.job_queue, self.sessions), self.sessions)
        take_over_batches(self)
        self._ends.begin(adapter, selected_uids, super().before_run)
        self.phase = "building"
        self.share.log.write("debug", used_until("first node"))
        return RunStatus.Success

    def after_run(self, adapter: Any, results: list[RunResult]) -> None:  # noqa: ARG002
        """Close the step, if this is the runner that claimed its closing."""
        if self.turns is not None:
            self.turns.end()
        self._ends.close(partial(super().after_run, adapter))

    # Nodes ----------------------------------------------------------------------------------------------------

    def handle_job_queue(self, pool: Any, callback: Callable[[RunResult], None]) -> None:
        """Give the claimed node to a thread."""
        claim = self.job_queue.take()
        if self.turns is None:
            raise RuntimeError("nodes are built after before_run")
        pool.apply_async(
            self.turns.take,
            args=[claim, pool],
            callback=partial(self._collect, callback),
            error_callback=self.job_queue.fail,
        )

    def build_node(self, node: Any, pool: Any) -> RunResult:
        """dbt's own turn of a node, in a pool thread; of a test that leads a batch, the turns of all its tests."""
        batch = [self.manifest.expect(test) for test in self.planned[node.unique_id].batch]
        if not batch or self.turns is None:
            return self.one_turn(node, pool)
        if node.unique_id in self._skipped_children:
            cause = self._skipped_children[node.unique_id]
            self._skipped_children.update({test.unique_id: cause for test in batch})
            return self._turns_of(node, batch, pool)
        with self._batches.asked([node, *batch], self.turns):
            return self._turns_of(node, batch, pool)

    def _turns_of(self, leader: Any, batch: Sequence[Any], pool: Any) -> RunResult:
        result = self.one_turn(leader, pool)
        for test in batch:
            self._handle_result(self.one_turn(test, pool))
        return result

    def one_turn(self, node: Any, pool: Any) -> RunResult:
        runner = self.get_runner(node)
        if node.unique_id in self._skipped_children:
            runner.do_skip(cause=self._skipped_children.pop(node.unique_id))
        if isinstance(runner, MicrobatchModelRunner):
            runner.set_parent_task(self)
            runner.set_pool(pool)
        return self.call_runner(runner)

    def skip_because(self, unique_id: str, cause: RunResult | None) -> None:
        """Let dbt record the node as skipped. cause: the failed ephemeral parent, which dbt's message names."""
        self._skipped_children[unique_id] = cause

    def count(self, result: RunResult) -> None:
        """Put a result that has no turn of its own among dbt's results."""
        super()._handle_result(result)

    def record(self, result: RunResult) -> NodeResult:
        return run_results.to_record(result, self.share.settings.runner, self.share.redactor)

    def get_runner(self, node: Any) -> Any:
        runner = super().get_runner(node)
        if self.turns is not None:
            runner.compile = partial(self.turns.prepare_and_compile, runner)
        self._batches.equip(runner)
        return runner

    def _submit_batch(self, *args: Any, skip: bool = False, **kwargs: Any) -> Any:
        # A microbatch model's turn may last for hours of batches.
        stops = self.turns is not None and self.turns.stop
        return super()._submit_batch(*args, skip=skip or stops, **kwargs)

    def _collect(self, callback: Callable[[RunResult], None], result: RunResult) -> None:
        # An exception in the pool's callback thread would end that thread and hang dbt.
        try:
            callback(result)
        except Exception as fault:  # noqa: BLE001
            self.job_queue.fail(fault)

    def _handle_result(self, result: RunResult) -> None:
        if self.turns is None or not self.turns.attach(result):
            super()._handle_result(result)

    def _mark_dependent_errors(self, node_id: str, result: RunResult, cause: RunResult | None) -> None:
        """Nothing: whether a node is skipped comes with its claim."""


class SharedBuild(SharedVerb, BuildTask):  # type: ignore[misc]
    """One runner's part of one `dbt build`: a model's unit tests run within its turn, before it."""

    def get_graph_queue(self) -> SharedQueue:
        self.model_to_unit_test_map = {node.unique_id: node.unit_tests for node in self.planned.values()}
        self.selected_unit_tests = {test for node in self.planned.values() for test in node.unit_tests}
        return super().get_graph_queue()

    def _runtime_initialize(self) -> None:
        super()._runtime_initialize()
        self.num_nodes += len(self.selected_unit_tests)

    def one_turn(self, node: Any, pool: Any) -> RunResult:
        return self.call_model_and_unit_tests_runner(node, pool)


class SharedTest(SharedVerb, TestTask):  # type: ignore[misc]
    """One runner's part of one `dbt test`."""


class SharedSeed(SharedVerb, SeedTask):  # type: ignore[misc]
    """One runner's part of one `dbt seed`."""


class SharedSnapshot(SharedVerb, SnapshotTask):  # type: ignore[misc]
    """One runner's part of one `dbt snapshot`."""


# verb -> the module and the name that dbt's command imports when it runs, and what it is to find there.
VERBS: dict[str, tuple[str, str, type[SharedVerb]]] = {
    "build": ("dbt.task.build", "BuildTask", SharedBuild),
    "run": ("dbt.task.run", "RunTask", SharedVerb),
    "test": ("dbt.task.test", "TestTask", SharedTest),
    "seed": ("dbt.task.seed", "SeedTask", SharedSeed),
    "snapshot": ("dbt.task.snapshot", "SnapshotTask", SharedSnapshot),
}
