"""Plan one step of a run: read the published index, resolve the command, write plan and queue.

Runs once per step however often it is called: a step whose record exists was planned whole, and its plan is
read back instead.
"""

from dataclasses import dataclass

from headgate.domain.bundle import INDEX, named
from headgate.domain.command import Command
from headgate.domain.instant import iso
from headgate.domain.job import Environment
from headgate.domain.manifest import Index
from headgate.domain.plan import Plan
from headgate.domain.plan_step import plan_step
from headgate.domain.queue import StepRecord, initial_records
from headgate.domain.run import Run
from headgate.errors import NotFoundError, PlanError
from headgate.ports import BundleStore, Clock, History, JobStore, NodeQueue, PlanStore, RunStore


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What the state machine needs to know: whether to start runners, how many, how large."""

    plan: Plan
    environment: Environment

    def to_state(self) -> dict[str, object]:
        """The state's output (statemachine/run.asl.yaml). ECS wants its sizes as text."""
        size = self.environment.runners
        return {
            "run_id": self.plan.run_id,
            "step": self.plan.step,
            "build": bool(self.plan.nodes),
            "runners": list(range(1, self.plan.runners + 1)),
            "cpu": str(size.cpu),
            "memory": str(size.memory),
            "spot": size.spot,
        }


def plan_run(
    run_id: int,
    step: int,
    *,
    runs: RunStore,
    jobs: JobStore,
    bundles: BundleStore,
    plans: PlanStore,
    queue: NodeQueue,
    history: History,
    clock: Clock,
) -> PlannedStep:
    """Plan the step. Raises PlanError, SelectionError, ManifestError or NotFoundError with what to do about it."""
    run = runs.get_run(run_id)
    environment = jobs.environment(run.environment)
    if queue.step(run_id, step) is not None:
        return PlannedStep(plans.get_plan(run_id, step), environment)
    command = Command.parse(run.steps[step - 1])
    index = _read_index(run, command, bundles)
    plan = plan_step(
        index,
        command,
        run_id=run_id,
        step=step,
        bundle=run.bundle,
        environment=environment,
        predictions=history.predictions(run.environment, index.nodes),
    )
    plans.put_plan(plan)
    written = StepRecord(run_id, step, len(plan.nodes), plan.runners, iso(clock.now()))
    queue.write(written, initial_records(plan))
    return PlannedStep(plan, environment)


def _read_index(run: Run, command: Command, bundles: BundleStore) -> Index:
    if not run.bundle:
        raise PlanError(
            f"nothing is published for environment {run.environment}: "
            f"run `headgate publish --environment {run.environment}`"
        )
    try:
        return Index.decode(bundles.read(run.bundle, named(command.vars_digest, INDEX)))
    except NotFoundError as fault:
        raise PlanError(
            f"bundle {run.bundle[:12]} was not parsed with --vars {command.vars}: apply the jobs file, "
            f"then run `headgate publish --environment {run.environment}` again"
        ) from fault
