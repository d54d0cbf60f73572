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
from headgate.domain.job import Job, ReusePolicy
from headgate.domain.knowledge import Knowledge
from headgate.domain.replayed_step import Done, Ground, Settled, Step
from headgate.domain.reuse import versions_now
from headgate.domain.source_versions import source_versions
from headgate.domain.spent import Spent
from headgate.domain.sync import Sync
from headgate.domain.triggers import steps_of_sync


@dataclass(frozen=True, slots=True)
class Fire:
    """A run begins. at: epoch seconds; steps: the commands of the run."""

    at: float
    steps: tuple[str, ...]


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
    environment.begin(ground.start)
    for step in dict.fromkeys(step for fire in fires for step in fire.steps):
        environment.run(ground.start, step)
    total = Replayed(waits=_waits(ground, fires), notes=environment.notes())
    for fire in fires:
        total = _with(total, [environment.run(fire.at, step) for step in fire.steps])
    return total


def _with(total: Replayed, steps: Sequence[Done]) -> Replayed:
    """One run more."""
    decisions = [found for step in steps for found in step.decisions.values()]
    reasons = Counter(total.reasons) + Counter(found.reason for found in decisions if not found.reuses)
    builds = sum(len(step.built) for step in steps)
    return replace(
        total,
        runs=total.runs + 1,
        idle=total.idle + (not builds),
        builds=total.builds + builds,
        reuses=total.reuses + len(decisions) - builds,
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
        self._states: dict[str, BuildState] = {}
        self._looked_at = 0.0
        self._runs = 0
        self._steps: dict[str, Step] = {}
        self._settled: dict[str, Settled] = {}

    def begin(self, at: float) -> None:
        """Build the whole of every parse: also what other jobs build and this one reads."""
        if not self._job.reuse.unchanged:
            return
        for index in self._ground.indexes.values():
            self._runs += 1
            everything = Command("build", select=("fqn:*",))
            known = self._known(index, at)
            step = Step(self._ground, self._job, index, everything, known)
            self._build(step, step.decide(known), at)
        self._looked_at = at

    def notes(self) -> tuple[str, ...]:
        """What was left out."""
        left_out = [
            f"{text} is left out: what it would have seen or done is not known"
            for text, step in self._steps.items()
            if not step.command.is_graph
        ]
        own = {unique_id for step in self._steps.values() for unique_id in step.order}
        others = {upstream for step in self._steps.values() for upstream in step.reads} - own
        if others and self._job.reuse.unchanged:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            left_out.append(f"{min(others)}{more}: built by other jobs, here as left at the beginning")
        return tuple(left_out)

    def run(self, at: float, text: str) -> Done:
        """Decide on a step at this moment, and remember what it builds as if it had."""
        self._runs += 1
        step = self._steps.get(text)
        if step is None:
            step = self._steps[text] = self._planned(text, at)
        known = self._known(step.index, at)
        settled = self._settled.get(text)
        if settled is not None and settled.holds(known, step.policy):
            return settled.done
        done = step.decide(known)
        if done.spent.runner_seconds:
            self._looked_at = at
            if step.policy.unchanged:
                self._build(step, done, at + done.spent.seconds)
                # What was built may be new data for another step.
                self._settled.clear()
        if not done.built or not step.policy.unchanged:
            self._settled[text] = Settled(done, known)
        return done

    def _planned(self, text: str, at: float) -> Step:
        command = Command.parse(text)
        index = self._ground.indexes[command.vars_digest]
        return Step(self._ground, self._job, index, command, self._known(index, at))

    def _known(self, index: Index, at: float) -> Knowledge:
        last = {sync.connector: sync for sync in self._ground.syncs if sync.at <= at}
        return Knowledge(
            now=at,
            states=lambda asked: {one: self._states[one] for one in asked if one in self._states},
            sources=source_versions(
                index,
                syncs=last,
                observations={},
                now=at,
                since=at,
                silent_after=self._job.reuse.silent_after,
            ),
            looked_at=self._looked_at,
        )

    def _build(self, step: Step, done: Done, ended_at: float) -> None:
        plan = replace(step.plan, versions=done.versions)
        for node in plan.nodes:
            if node.unique_id in done.built:
                is_test = node.resource_type == "test"
                self._states[node.unique_id] = BuildState(
                    node.unique_id,
                    version="" if is_test else f"{self._runs}.1.1",
                    relation=node.relation,
                    fingerprint=node.fingerprint,
                    seen=versions_now(plan, node, self._states),
                    built_at=ended_at,
                    run_id=self._runs,
                    status="pass" if is_test else "success",
                )


def sync_fires(job: Job, syncs: Iterable[Sync], start: float) -> Iterator[Fire]:
    """The runs that a job's connectors would have started, oldest first."""
    for sync in syncs:
        steps = steps_of_sync(job, sync.connector_id, sync.connector_name)
        if sync.at > start and steps:
            yield Fire(sync.at, steps)
