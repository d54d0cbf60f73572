"""The plan of a job's next run, or of a run that was planned, as one object. Nothing is written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from headgate.domain.build_state import BuildState
from headgate.domain.command import Command
from headgate.domain.forecast import START_UP_SECONDS
from headgate.domain.instant import epoch, iso
from headgate.domain.job import Deadline, Job
from headgate.domain.plan import Plan
from headgate.domain.plan_object import Planned
from headgate.domain.reuse import versions_now
from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.sources import SOURCE_FRESHNESS
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
from headgate.usecases.gather_knowledge import Remembered
from headgate.usecases.plan_run import PlanningPorts, draft_plan

# How many runs are looked at to learn how long a runner takes to begin.
_LOOKED_AT = 20
_UNSEEN = "what `dbt source freshness` will see is not known before the run"


def preview_plan(
    name: str, *, ports: PlanningPorts, select: Sequence[str] = (), exclude: Sequence[str] = ()
) -> Planned:
    """What a run of this job would do if it began now.

    select, exclude: instead of those of its commands. Raises NotFoundError, and what planning raises.
    """
    job = ports.jobs.job(name)
    run = _imagined_run(job, _lines(job, select, exclude), ports)
    builds = _ImaginedBuilds(ports.states)
    plans = tuple(_planned_in_a_row(run, _with_builds(ports, builds), builds))
    unseen = job.reuse.unchanged and any(plan.command.verb == SOURCE_FRESHNESS for plan in plans)
    return Planned(
        job=name,
        environment=ports.jobs.environment(job.environment),
        bundle=run.bundle,
        commands=run.steps,
        plans=plans,
        at=ports.clock.now(),
        start_up=_start_up(ports.runs, job.environment),
        deadline=job.deadline,
        notes=(_UNSEEN,) if unseen else (),
    )


def plan_of_run(run_id: int, *, ports: PlanningPorts) -> Planned:
    """What this run was planned to do, as far as it came: later steps are planned when it is their turn.

    Raises NotFoundError for a run that is not there.
    """
    run = ports.runs.get_run(run_id)
    steps = range(run.first_step, len(run.steps) + 1)
    plans = [plan for step in steps for plan in _stored(run_id, step, ports.plans)]
    later = len(steps) - len(plans)
    begins = plans[0].planned_at if plans else 0.0
    return Planned(
        job=run.job,
        environment=ports.jobs.environment(run.environment),
        bundle=run.bundle,
        commands=tuple(run.steps[plan.step - 1] for plan in plans),
        plans=tuple(plans),
        at=begins or epoch(run.created_at),
        start_up=_start_up(ports.runs, run.environment),
        run_id=run_id,
        deadline=_deadline_of(run.job, ports.jobs),
        notes=(f"{later} of {len(steps)} steps were never planned",) if later else (),
    )


def _stored(run_id: int, step: int, plans: PlanStore) -> list[Plan]:
    try:
        return [plans.get_plan(run_id, step)]
    except NotFoundError:
        return []


def _deadline_of(job: str, jobs: JobStore) -> Deadline | None:
    try:
        return jobs.job(job).deadline
    except NotFoundError:
        return None


def _lines(job: Job, select: Sequence[str], exclude: Sequence[str]) -> tuple[str, ...]:
    if not select and not exclude:
        return job.steps
    changed = {"select": tuple(select), "exclude": tuple(exclude), "selector": ""}
    commands = [Command.parse(line) for line in job.steps]
    return tuple((replace(one, **changed) if one.is_graph else one).line for one in commands)  # type: ignore[arg-type]


def _imagined_run(job: Job, lines: tuple[str, ...], ports: PlanningPorts) -> Run:
    latest = ports.runs.list_runs(1)
    try:
        bundle = ports.jobs.bundle_of(job.environment)
    except NotFoundError:
        bundle = ""
    return Run(
        run_id=latest[0].run_id + 1 if latest else 1,
        job=job.name,
        environment=job.environment,
        bundle=bundle,
        steps=lines,
        cause=Cause("plan", ""),
        status=RunStatus.QUEUED,
        created_at=iso(ports.clock.now()),
    )


def _planned_in_a_row(run: Run, ports: PlanningPorts, builds: "_ImaginedBuilds") -> Iterator[Plan]:
    for step in range(1, len(run.steps) + 1):
        plan = draft_plan(run, step, ports)
        builds.imagine(plan)
        yield plan


class _ImaginedBuilds:
    """What is remembered of builds, and what earlier steps of the same run would leave."""

    def __init__(self, states: Remembered) -> None:
        self._states = states
        self._imagined: dict[str, BuildState] = {}

    def read(self, environment: str, unique_ids: Iterable[str]) -> dict[str, BuildState]:
        wanted = list(unique_ids)
        found = self._states.read(environment, [one for one in wanted if one not in self._imagined])
        return found | {one: self._imagined[one] for one in wanted if one in self._imagined}

    def looked_at(self, environment: str) -> float:
        return self._states.looked_at(environment)

    def imagine(self, plan: Plan) -> None:
        """Everything that this step builds has succeeded."""
        built = [node for node in plan.nodes if node.is_built] if plan.reuse else []
        seen = {upstream for node in built for upstream in node.sees}
        states = self.read(plan.environment, seen) if seen else {}
        for node in built:
            states[node.unique_id] = self._imagined[node.unique_id] = BuildState(
                unique_id=node.unique_id,
                version=f"{plan.run_id}.{plan.step}.planned",
                relation=node.relation,
                fingerprint=node.fingerprint,
                seen=versions_now(plan, node, states),
                built_at=plan.planned_at,
                run_id=plan.run_id,
                status="pass" if node.resource_type == "test" else "success",
            )


@dataclass(frozen=True, slots=True)
class _Ports:
    """PlanningPorts with other builds in the place of those that are remembered."""

    runs: RunStore
    jobs: JobStore
    bundles: BundleStore
    plans: PlanStore
    queue: NodeQueue
    history: History
    states: Remembered
    freshness: Freshness
    artifacts: ArtifactStore
    clock: Clock


def _with_builds(ports: PlanningPorts, builds: _ImaginedBuilds) -> _Ports:
    return _Ports(
        runs=ports.runs,
        jobs=ports.jobs,
        bundles=ports.bundles,
        plans=ports.plans,
        queue=ports.queue,
        history=ports.history,
        states=builds,
        freshness=ports.freshness,
        artifacts=ports.artifacts,
        clock=ports.clock,
    )


def _start_up(runs: RunStore, environment: str) -> float:
    """Seconds from a run's beginning to its first runner's: the least of late, which nobody had to wait in line for."""
    took = [
        epoch(run.started_at) - epoch(run.created_at)
        for run in runs.list_runs(_LOOKED_AT)
        if run.environment == environment and run.started_at is not None
    ]
    return max(0.0, min(took, default=START_UP_SECONDS))
