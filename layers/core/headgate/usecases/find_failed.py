"""Find what an earlier step left undone: for a run that repeats another one, and for `dbt retry` as a step."""

from collections.abc import Iterator
from dataclasses import dataclass

from headgate.domain.bundle import INDEX, named
from headgate.domain.command import Command
from headgate.domain.env_test import stands_for_environment
from headgate.domain.index import Index
from headgate.domain.plan import COMMAND, Engine, Plan
from headgate.domain.results import WITHOUT_RUN_RESULTS, NodeStatus
from headgate.domain.retry import MODEL_AND_TEST, retry_set
from headgate.domain.run import Run
from headgate.errors import NotFoundError, PlanError
from headgate.ports import BundleStore, NodeQueue, PlanStore, RunStore

# How many earlier runs are looked through for the environment's latest one.
_LOOKED_THROUGH = 50


@dataclass(frozen=True, slots=True)
class Undone:
    """What is to be done again: `only` these nodes of the command, all of it if None. run_id: who left them undone."""

    command: Command
    only: frozenset[str] | None
    run_id: int = 0

    @property
    def is_nothing(self) -> bool:
        return self.only is not None and not self.only


@dataclass(frozen=True, slots=True)
class FindFailed:
    """The ports this needs; `index` names the nodes that a failed test looked at."""

    runs: RunStore
    plans: PlanStore
    queue: NodeQueue
    bundles: BundleStore

    def of_retry(self, run: Run, step: int, scope: str) -> Undone | None:
        """What a run that repeats another one has to do in its first step; None: the step as it is.

        A retry that never came to its first step passes on what the run before it left.
        """
        other: Run | None = run
        while other is not None and other.retry_of is not None and not other.from_start:
            if step != other.first_step:
                return None
            other = self._run(other.retry_of)
            plan = self._plan(other.run_id, step) if other else None
            if plan is not None:
                return self.of_plan(plan, scope)
        return None

    def of_dbt_retry(self, run: Run, step: int, scope: str) -> Undone:
        """What `dbt retry` as a step repeats: the latest command with results in this environment.

        dbt itself looks into the folder in which it ran last; here that is the environment's latest run that has
        ended, and before it the earlier steps of this one. Raises PlanError when there is none.
        """
        for plan in self._before(run, step):
            # `dbt retry` finds nothing of these, so it looks past them.
            if plan.command.verb not in WITHOUT_RUN_RESULTS:
                return self.of_plan(plan, scope)
        raise PlanError(
            f"dbt retry: environment {run.environment} has no earlier run whose results are still kept; "
            "`headgate retry RUN` repeats a certain run"
        )

    def of_plan(self, plan: Plan, scope: str) -> Undone:
        """What this planned step left undone; all of it if its queue was never written."""
        records = self.queue.nodes(plan.run_id, plan.step)
        if plan.engine is Engine.COMMAND and not plan.nodes:
            ended = next((record.result for record in records if record.unique_id == COMMAND), None)
            went_well = ended is not None and ended.status is NodeStatus.SUCCESS
            return Undone(plan.command, frozenset() if went_well else None)
        tested = self._tested(plan) if scope == MODEL_AND_TEST else None
        only = frozenset(retry_set(plan, records, scope=scope, tested=tested))
        return Undone(plan.command, only, plan.run_id)

    def _tested(self, plan: Plan) -> dict[str, tuple[str, ...]]:
        index = Index.decode(self.bundles.read(plan.bundle, named(plan.parse_digest, INDEX)))
        return {
            node.unique_id: node.depends_on
            for node in index.nodes.values()
            if node.resource_type in ("test", "unit_test")
        }

    def _before(self, run: Run, step: int) -> Iterator[Plan]:
        """Planned steps, latest first."""
        for number in range(step - 1, 0, -1):
            yield from filter(None, [self._plan(run.run_id, number)])
        for other in self.runs.list_runs(_LOOKED_THROUGH):
            if (
                other.environment != run.environment
                or other.run_id >= run.run_id
                or not other.status.is_final
                or not stands_for_environment(other)
            ):
                continue
            for number in range(len(other.steps), 0, -1):
                yield from filter(None, [self._plan(other.run_id, number)])

    def _plan(self, run_id: int, step: int) -> Plan | None:
        try:
            return self.plans.get_plan(run_id, step)
        except NotFoundError:
            return None

    def _run(self, run_id: int) -> Run | None:
        try:
            return self.runs.get_run(run_id)
        except NotFoundError:
            return None
