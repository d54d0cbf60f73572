"""End a step: merge what its runners recorded, tell who must know, and end the run or go on to the next step.

Order matters, because this may die between any two writes and be called again: artifacts and alerts first
(both may be repeated), then the one write that makes the run final, then the announcement of it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from headgate.domain.env_test import is_env_test, stands_for_environment
from headgate.domain.outcome import StepOutcome, cancelled_text, outcome
from headgate.domain.plan import COMMAND, OPENING, Plan
from headgate.domain.prediction import durations
from headgate.domain.results import WITHOUT_RUN_RESULTS, NodeResult, counts, merge_run_results
from headgate.domain.run import Run, RunStatus
from headgate.domain.sources import SOURCE_FRESHNESS, SOURCES, observed
from headgate.errors import NotFoundError
from headgate.ports import (
    Activities,
    AlertTopic,
    ArtifactStore,
    BundleStore,
    Clock,
    EventBus,
    Freshness,
    History,
    JobStore,
    NodeQueue,
    PlanStore,
    RunStore,
    Slots,
)
from headgate.usecases.announce_end import announce_end
from headgate.usecases.deactivate_job import deactivate_job
from headgate.usecases.free_slots import free_slots_of
from headgate.usecases.raise_alerts import raise_alerts
from headgate.usecases.stop_run import current_step, wait_for_runners

# The step's own turns that may have a result: an opening that failed is recorded as skipped, for its children's sake,
# and a step that is one dbt command says by it how that ended. dbt's results never name them.
OWN = (OPENING, COMMAND)
UNPLANNED_METADATA = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}


@dataclass(frozen=True, slots=True)
class Finalized:
    """`next_step` is None when the run has ended; `status` is then its final status."""

    run_id: int
    step: int
    status: RunStatus
    next_step: int | None

    def to_state(self) -> dict[str, object]:
        return {"run_id": self.run_id, "step": self.step, "status": self.status, "next_step": self.next_step}


@dataclass(frozen=True)
class FinalizeRun:
    """The ports this verb needs; calling it ends one step of one run."""

    runs: RunStore
    queue: NodeQueue
    plans: PlanStore
    bundles: BundleStore
    artifacts: ArtifactStore
    history: History
    alerts: AlertTopic
    bus: EventBus
    console_url: str
    slots: Slots
    jobs: JobStore
    freshness: Freshness
    clock: Clock
    activities: Activities

    @classmethod
    def of(cls, ports: object, console_url: str) -> Self:
        """With the ports of `ports` (bootstrap.World, or its twin in memory), which are named as the fields here."""
        names = (field.name for field in fields(cls) if field.name != "console_url")
        return cls(console_url=console_url, **{name: getattr(ports, name) for name in names})

    def __call__(
        self,
        run_id: int,
        step: int,
        fault: str | None = None,
        *,
        lost: Mapping[int, str] | None = None,
        cancelled: bool = False,
        last: bool = False,
    ) -> Finalized:
        """fault: what the state machine caught. lost: runner -> why it is gone for good.

        cancelled: its execution was stopped; `fault` is the reason given.

        last: nobody tries again after this. The run ends even if its artifacts or alerts cannot leave, so that its
        job goes on; what hindered them is raised all the same.
        """
        run = self.runs.get_run(run_id)
        if run.status.is_final:
            return self._over(run, step)
        if cancelled:
            self._say_cancelled(run, step, fault)
        if cancelled or last:
            self._stop_runners(run_id, step, fault or "the run has ended")
        plan = self._plan(run_id, step)
        results = [found for found in self.queue.results(run_id, step) if found.unique_id not in OWN]
        records = self.queue.step(run_id, step), self.queue.nodes(run_id, step)
        # Read after the step: who cancels a run says so before the step is halted.
        run = self.runs.get_run(run_id)
        ended = outcome(*records, results, self.queue.runners(run_id, step), fault, lost)
        try:
            if plan is not None:
                self._store(run, plan, results)
                if stands_for_environment(run):
                    self._observe(run, plan)
                    self.history.learn(run.environment, durations(results, plan))
            # Whoever tests an environment looks at the answer.
            if not run.cancel and not is_env_test(run.job):
                raise_alerts(
                    run, plan, ended, alerts=self.alerts, bundles=self.bundles, console_url=self.console_url
                )
        except Exception:
            # Whatever it is (an artifact that cannot be read): a run without an end would hold its job up for ever.
            if last:
                self._end(run, step, ended)
            raise
        if ended.error is None and not run.cancel and step < len(run.steps):
            return Finalized(run_id, step, run.status, step + 1)
        return self._end(run, step, ended)

    def current_step(self, run_id: int) -> int:
        """The step an execution was at when it ended without saying so."""
        return current_step(self.runs.get_run(run_id), self.queue)

    def after_execution(self, run_id: int, status: str, cause: str) -> Finalized:
        """End a run whose execution is over without having ended it. status: Step Functions' word."""
        step = self.current_step(run_id)
        if status == "ABORTED":
            return self(run_id, step, cause or None, cancelled=True, last=True)
        fault = f"the execution ended as {status}" + (f": {cause}" if cause else "")
        return self(run_id, step, fault, last=True)

    def _say_cancelled(self, run: Run, step: int, reason: str | None) -> None:
        """Make known that this is a cancel, no loss of the containers alone."""
        self.runs.request_cancel(run.run_id, "in AWS" + (f" ({reason})" if reason else ""))
        run = self.runs.get_run(run.run_id)
        self.queue.halt(run.run_id, step, f"cancelled {run.cancel}")

    def _stop_runners(self, run_id: int, step: int, reason: str) -> None:
        """Give those that are still there time to leave: after this their places and their job's slot are free."""
        if any(not record.ended for record in self.queue.runners(run_id, step)):
            self.queue.halt(run_id, step, reason)
            wait_for_runners(run_id, step, queue=self.queue, clock=self.clock)

    def _end(self, run: Run, step: int, ended: StepOutcome) -> Finalized:
        status = RunStatus.SUCCESS if ended.error is None else RunStatus.ERROR
        error = ended.error
        if run.cancel:
            planned = self.queue.step(run.run_id, step) is not None
            status = RunStatus.CANCELLED
            error = cancelled_text(run.cancel, ended if planned else None, step, len(run.steps))
        if ended.unfinished:
            # A runner that outlived its execution (a time limit, a stop it never saw) claims nothing any more:
            # the next run of this job may start now.
            self.queue.halt(run.run_id, step, error or "the run has ended")
        steps = range(run.first_step, step + 1)
        done = [result for number in steps for result in self._results(run.run_id, number)]
        self.runs.move(run.run_id, status, error=error, counts=counts(done))
        return self._over(self.runs.get_run(run.run_id), step)

    def _over(self, run: Run, step: int) -> Finalized:
        self.announce(run)
        return Finalized(run.run_id, step, run.status, None)

    def announce(self, run: Run) -> list[str]:
        """What comes after an end: a success is remembered, places in pools are free, everybody hears of it, and a job
        whose runs fail on and on is switched off.

        Returns the places that were given back. Safe to repeat: the reaper does it for who died before it was done.
        """
        if run.status is RunStatus.SUCCESS and run.bundle and stands_for_environment(run):
            self.jobs.record_success(run.environment, run.bundle, run.run_id)
        freed = free_slots_of(run.run_id, run.environment, slots=self.slots)
        announce_end(run, runs=self.runs, bus=self.bus, then=self._look_at_job)
        return freed

    def _look_at_job(self, run: Run) -> None:
        deactivate_job(
            run,
            jobs=self.jobs,
            activities=self.activities,
            alerts=self.alerts,
            clock=self.clock,
            console_url=self.console_url,
        )

    def _plan(self, run_id: int, step: int) -> Plan | None:
        try:
            return self.plans.get_plan(run_id, step)
        except NotFoundError:
            return None

    def _results(self, run_id: int, step: int) -> Iterable[NodeResult]:
        nodes = self.queue.nodes(run_id, step)
        return (node.result for node in nodes if node.result is not None and node.unique_id not in OWN)

    def _store(self, run: Run, plan: Plan, results: list[NodeResult]) -> None:
        if plan.command.verb in WITHOUT_RUN_RESULTS:
            return
        invocation = self._invocation(run, plan.step)
        # A failed ephemeral model is recorded for its children's sake; dbt's own artifact never names one.
        inlined = {node.unique_id for node in plan.nodes if node.materialized == "ephemeral"}
        merged = merge_run_results(
            (result for result in results if result.unique_id not in inlined),
            metadata=invocation.get("metadata", UNPLANNED_METADATA),
            args=invocation.get("args", {"which": plan.command.verb}),
            elapsed=float(invocation.get("elapsed_time", 0.0)),
        )
        self.artifacts.put(run.run_id, plan.step, "run_results.json", json.dumps(merged).encode())

    def _observe(self, run: Run, plan: Plan) -> None:
        """What `dbt source freshness` saw is what later steps and runs know of the data in sources."""
        if plan.command.verb != SOURCE_FRESHNESS:
            return
        try:
            body = self.artifacts.get(run.run_id, plan.step, SOURCES)
        except NotFoundError:
            return
        self.freshness.observe(run.environment, observed(json.loads(body)))

    def _invocation(self, run: Run, step: int) -> Mapping[str, Any]:
        # Written by the runner that closed the step; a step that was cut short has none.
        try:
            found: Mapping[str, Any] = json.loads(self.artifacts.get(run.run_id, step, "invocation.json"))
        except NotFoundError:
            return {}
        return found
