"""Plan one step of a run: read the published index, resolve the command, write plan and queue.

Plans once per step however often it is called: a plan that is stored holds, even if whoever made it died before
its queue was whole. A run that repeats another one plans in its first step what that one left undone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from headgate.domain.command import Command
from headgate.domain.env_test import is_env_test, tested_job
from headgate.domain.fargate import memory_steps
from headgate.domain.index import Index
from headgate.domain.instant import iso
from headgate.domain.job import Environment, Job, RetryPolicy, ReusePolicy
from headgate.domain.knowledge import Knowledge
from headgate.domain.plan import Plan
from headgate.domain.plan_setting import Setting
from headgate.domain.plan_step import plan_step
from headgate.domain.prediction import build_key
from headgate.domain.queue import StepRecord, initial_records
from headgate.domain.run import Run
from headgate.domain.variables import effective
from headgate.errors import NotFoundError
from headgate.ports import (
    ArtifactStore,
    BundleStore,
    Clock,
    Freshness,
    History,
    JobStore,
    NodeQueue,
    PlanStore,
    RunStore,
)
from headgate.usecases.choose_parse import ChooseParse
from headgate.usecases.find_failed import FindFailed, Undone
from headgate.usecases.gather_knowledge import Remembered, gather_knowledge
from headgate.usecases.read_earlier import ReadEarlier, reference_of


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What the state machine needs to know: whether to start runners, how many, how large."""

    plan: Plan
    environment: Environment
    run_is_over: bool = False

    def to_state(self) -> dict[str, object]:
        """The state's output (statemachine/run.asl.yaml). ECS wants its sizes as text."""
        size = self.environment.runners
        return {
            "run_id": self.plan.run_id,
            "step": self.plan.step,
            "build": self.plan.has_turn and not self.run_is_over,
            "runners": list(range(1, self.plan.runners + 1)),
            "cpu": str(size.cpu),
            "memory": str(size.memory),
            "memory_steps": [str(memory) for memory in memory_steps(size.cpu, size.memory)],
            "spot": size.spot,
        }


class PlanningPorts(Protocol):
    """What planning needs of a world (bootstrap.World, or its twin in memory); each is opened only when it is used."""

    @property
    def runs(self) -> RunStore: ...
    @property
    def jobs(self) -> JobStore: ...
    @property
    def bundles(self) -> BundleStore: ...
    @property
    def plans(self) -> PlanStore: ...
    @property
    def queue(self) -> NodeQueue: ...
    @property
    def history(self) -> History: ...
    @property
    def states(self) -> Remembered: ...
    @property
    def freshness(self) -> Freshness: ...
    @property
    def artifacts(self) -> ArtifactStore: ...
    @property
    def clock(self) -> Clock: ...


def plan_run(run_id: int, step: int, ports: PlanningPorts) -> PlannedStep:
    """Plan the step; a run that has ended or is being cancelled gets no turn, and nothing is written for it.

    Raises PlanError, SelectionError, ManifestError or NotFoundError with what to do about it.
    """
    run = ports.runs.get_run(run_id)
    environment = ports.jobs.environment(run.environment)
    is_over = run.status.is_final or run.cancel is not None
    # Some of its queue may be written already, and jobs, durations and earlier runs may have changed since.
    plan = _stored(run_id, step, ports.plans)
    if is_over:
        return PlannedStep(plan or _nothing(run, step, environment), environment, run_is_over=True)
    if plan is None:
        plan = draft_plan(run, step, ports)
        ports.plans.put_plan(plan)
    record = StepRecord(run_id, step, len(plan.nodes), plan.runners, iso(ports.clock.now()))
    ports.queue.write(record, initial_records(plan))
    return PlannedStep(plan, environment)


def _stored(run_id: int, step: int, plans: PlanStore) -> Plan | None:
    try:
        return plans.get_plan(run_id, step)
    except NotFoundError:
        return None


def _nothing(run: Run, step: int, environment: Environment) -> Plan:
    return Plan(
        run.run_id, step, _command(run, step), run.bundle, environment.name, (), 0, environment.threads
    )


def _command(run: Run, step: int) -> Command:
    return Command.parse(run.steps[step - 1]).with_vars(run.overrides.vars)


def draft_plan(run: Run, step: int, ports: PlanningPorts) -> Plan:
    """The plan that this step would get now; nothing is written. Raises what `plan_run` raises."""
    command, environment = _command(run, step), ports.jobs.environment(run.environment)
    job = _job_of(run, ports.jobs)
    scope = job.retries.scope if job else RetryPolicy().scope
    find = FindFailed(ports.runs, ports.plans, ports.queue, ports.bundles)
    undone = _undone(run, step, command, scope, find)
    if run.overrides.threads:
        environment = replace(environment, threads=run.overrides.threads)
    return _Planner(run, step, environment, job, ports).plan(undone)


def _job_of(run: Run, jobs: JobStore) -> Job | None:
    """A test of an environment has none, or that whose variables it is about."""
    name = tested_job(run.job) if is_env_test(run.job) else run.job
    # A job may leave the jobs file while one of its runs is on its way.
    try:
        return jobs.job(name)
    except NotFoundError:
        return None


def _undone(run: Run, step: int, command: Command, scope: str, find: FindFailed) -> Undone:
    repeated = find.of_retry(run, step, scope)
    if repeated is not None:
        return repeated
    return find.of_dbt_retry(run, step, scope) if command.verb == "retry" else Undone(command, None)


@dataclass(frozen=True, slots=True)
class _Planner:
    """Makes the plan of one step from what is stored about its environment."""

    run: Run
    step: int
    environment: Environment
    job: Job | None
    ports: PlanningPorts

    def plan(self, undone: Undone) -> Plan:
        command, run = undone.command, self.run
        if undone.is_nothing:
            return replace(
                _nothing(run, self.step, self.environment),
                command=command,
                notes=("nothing failed: there is nothing to repeat",),
            )
        ports = self.ports
        command = command.with_vars(run.overrides.vars)
        before = Command.parse(run.steps[self.step - 1]).vars
        chosen = ChooseParse(run, self.environment, self.job, ports.bundles)(command, before)
        reference = reference_of(command, ports.jobs, run.environment)
        earlier = ReadEarlier(ports.runs, ports.bundles, ports.artifacts)
        return plan_step(
            chosen.index,
            command,
            run_id=run.run_id,
            step=self.step,
            bundle=run.bundle,
            environment=self.environment,
            predictions=self._predictions(chosen.index, command),
            job=self.job,
            only=undone.only,
            state_bundle=reference.bundle if reference else "",
            earlier=earlier.of(reference, run, self.step, command, chosen.index),
            known=self._known(chosen.index, undone, reference.notes if reference else ()),
            setting=Setting(
                effective(self.environment, self.job), run.overrides.schema, chosen.parse, chosen.anew
            ),
        )

    def _known(self, index: Index, undone: Undone, notes: tuple[str, ...]) -> Knowledge:
        if not undone.command.is_graph:
            return Knowledge(now=self.ports.clock.now(), notes=notes)
        return gather_knowledge(
            self.run,
            index,
            self.job.reuse if self.job else ReusePolicy(),
            states=self.ports.states,
            freshness=self.ports.freshness,
            clock=self.ports.clock,
            forced=self._forced(undone),
            notes=notes,
        )

    def _forced(self, undone: Undone) -> str:
        if self.run.from_start and self.run.retry_of is None:
            return "this run reuses nothing"
        if self.run.from_start:
            return f"run {self.run.retry_of} is repeated from its start"
        return f"left undone by run {undone.run_id}" if undone.only is not None else ""

    def _predictions(self, index: Index, command: Command) -> Mapping[str, float]:
        keys = {
            build_key(node.unique_id, node.materialized, full_refresh=command.full_refresh): node.unique_id
            for node in index.nodes.values()
        }
        known = self.ports.history.predictions(self.run.environment, keys) if command.is_graph else {}
        return {keys[key]: seconds for key, seconds in known.items()}
