"""What a job would have built under another schedule or policy: recorded syncs, replayed in virtual time.

Every decision, plan and price comes from the functions that real runs use; only the building is left out. Nothing
fails here, no run waits for another, and code and durations are those of now. A replay begins with everything built.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from headgate.domain.build_state import BuildState
from headgate.domain.command import Command
from headgate.domain.decision import Reason
from headgate.domain.index import Index
from headgate.domain.job import Environment, Job, ReusePolicy
from headgate.domain.knowledge import Knowledge
from headgate.domain.plan import Plan
from headgate.domain.plan_step import plan_step
from headgate.domain.reuse import versions_now
from headgate.domain.source_versions import SourceVersion, source_versions
from headgate.domain.spent import Spent, spent_by
from headgate.domain.sync import Sync
from headgate.domain.triggers import steps_of_sync


@dataclass(frozen=True, slots=True)
class Fire:
    """A run begins. at: epoch seconds; steps: the commands of the run."""

    at: float
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What is the same in every replay of a job.

    indexes: digest of a command's `--vars` -> the project. predictions: unique_id -> seconds. syncs: oldest first, also
    those from before the replay begins. start: when it does (epoch seconds).
    """

    job: Job
    environment: Environment
    indexes: Mapping[str, Index]
    predictions: Mapping[str, float]
    syncs: Sequence[Sync]
    start: float


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a schedule and a policy. idle: runs in which nothing was built. builds, reuses: nodes, tests too.

    reasons: why nodes were built. waits: mean seconds from the end of a sync to the next run; None: no sync in it.
    """

    runs: int = 0
    idle: int = 0
    builds: int = 0
    reuses: int = 0
    reasons: Mapping[Reason, int] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    waits: float | None = None
    notes: tuple[str, ...] = ()


def replay(ground: Ground, policy: ReusePolicy, fires: Sequence[Fire]) -> Replayed:
    """Run the job at these moments, oldest first. Raises what planning raises."""
    environment = _Virtual(ground, policy)
    for step in dict.fromkeys(step for fire in fires for step in fire.steps):
        environment.run(ground.start, step)
    total = Replayed(waits=_waits(ground, fires), notes=environment.notes())
    for fire in fires:
        total = _with(total, [environment.run(fire.at, step) for step in fire.steps])
    return total


def _with(total: Replayed, steps: Sequence["_Done"]) -> Replayed:
    """One run more."""
    nodes = [node for step in steps for node in step.plan.nodes]
    built = [node for node in nodes if node.is_built]
    reasons = Counter(total.reasons) + Counter(node.decision.reason for node in built)
    return replace(
        total,
        runs=total.runs + 1,
        idle=total.idle + (not built),
        builds=total.builds + len(built),
        reuses=total.reuses + len(nodes) - len(built),
        reasons=dict(reasons),
        spent=sum((step.spent for step in steps), total.spent),
    )


def _waits(ground: Ground, fires: Sequence[Fire]) -> float | None:
    moments = [fire.at for fire in fires]
    if not moments:
        return None
    within = [sync.at for sync in ground.syncs if ground.start < sync.at <= moments[-1]]
    found = [moments[bisect_left(moments, at)] - at for at in within]
    return sum(found) / len(found) if found else None


class _Virtual:
    """An environment that exists only here: what is remembered of its builds, and when they were looked at."""

    def __init__(self, ground: Ground, policy: ReusePolicy) -> None:
        self._ground = ground
        self._job = replace(ground.job, reuse=policy)
        self._policy = policy
        self._states: dict[str, BuildState] = {}
        self._looked_at = 0.0
        self._runs = 0
        self._last: dict[str, _Settled] = {}
        self._skipped: dict[str, str] = {}

    def notes(self) -> tuple[str, ...]:
        """What was left out."""
        return tuple(self._skipped.values())

    def run(self, at: float, step: str) -> "_Done":
        """Plan a step at this moment, and remember what it builds as if it had."""
        self._runs += 1
        command = Command.parse(step)
        index = self._ground.indexes[command.vars_digest]
        if not command.is_graph:
            self._skipped[step] = f"{step} is left out: what it would have seen or done is not known"
        sources = self._sources(index, at)
        settled = self._last.get(step)
        if settled is not None and settled.holds(sources, at, self._looked_at, self._policy):
            return settled.done
        plan = self._planned(index, command, at, sources)
        done = _Done(plan, spent_by(plan, self._ground.environment))
        if plan.has_turn:
            self._looked_at = at
            self._build(plan, at + done.spent.seconds)
            if self._policy.unchanged:
                # What was built may be new data for another step.
                self._last.clear()
        if not plan.has_turn or not self._policy.unchanged:
            self._last[step] = _Settled(done, sources)
        return done

    def _planned(
        self, index: Index, command: Command, at: float, sources: Mapping[str, SourceVersion]
    ) -> Plan:
        known = Knowledge(
            now=at,
            states=lambda asked: {one: self._states[one] for one in asked if one in self._states},
            sources=sources,
            looked_at=self._looked_at,
        )
        ground = self._ground
        return plan_step(
            index,
            command,
            run_id=self._runs,
            step=1,
            bundle="",
            environment=ground.environment,
            predictions=ground.predictions,
            job=self._job,
            known=known,
        )

    def _sources(self, index: Index, at: float) -> Mapping[str, SourceVersion]:
        last = {sync.connector: sync for sync in self._ground.syncs if sync.at <= at}
        return source_versions(
            index,
            syncs=last,
            observations={},
            now=at,
            since=at,
            silent_after=self._policy.silent_after,
        )

    def _build(self, plan: Plan, ended_at: float) -> None:
        for node in plan.nodes:
            if node.is_built:
                is_test = node.resource_type == "test"
                self._states[node.unique_id] = BuildState(
                    node.unique_id,
                    version="" if is_test else f"{plan.run_id}.{plan.step}.1",
                    relation=node.relation,
                    fingerprint=node.fingerprint,
                    seen=versions_now(plan, node, self._states),
                    built_at=ended_at,
                    run_id=plan.run_id,
                    status="pass" if is_test else "success",
                )


@dataclass(frozen=True, slots=True)
class _Done:
    """A step that was planned, and what it would have taken."""

    plan: Plan
    spent: Spent


@dataclass(frozen=True, slots=True)
class _Settled:
    """A step that comes out the same as long as nothing happens."""

    done: _Done
    sources: Mapping[str, SourceVersion]

    def holds(
        self, sources: Mapping[str, SourceVersion], at: float, looked_at: float, policy: ReusePolicy
    ) -> bool:
        if not policy.unchanged:
            return True
        waits = any(node.decision.reason is Reason.INSIDE_WINDOW for node in self.done.plan.nodes)
        is_seen = 0 <= at - looked_at < policy.look_every
        versions = {name: found.version for name, found in sources.items()}
        return (
            not waits
            and is_seen
            and versions == {name: found.version for name, found in self.sources.items()}
        )


def sync_fires(job: Job, syncs: Iterable[Sync], start: float) -> Iterator[Fire]:
    """The runs that a job's connectors would have started, oldest first."""
    for sync in syncs:
        steps = steps_of_sync(job, sync.connector_id, sync.connector_name)
        if sync.at > start and steps:
            yield Fire(sync.at, steps)
