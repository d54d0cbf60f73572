"""One command of a job in a replay (domain/replay.py): what it decides at a moment, and what that takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headgate.domain.command import Command
from headgate.domain.decision import Decision, Reason
from headgate.domain.index import Index
from headgate.domain.job import Environment, Job, ReusePolicy
from headgate.domain.knowledge import Knowledge
from headgate.domain.plan import Engine, Plan
from headgate.domain.plan_reuse import is_look_due, verdicts
from headgate.domain.plan_step import plan_step
from headgate.domain.spent import Spent, spent_by
from headgate.domain.sync import Sync


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
class Done:
    """A step of one run: what it built, why, and what that took. versions: as of `Plan.versions`."""

    built: frozenset[str]
    decisions: Mapping[str, Decision]
    versions: Mapping[str, str]
    spent: Spent


class Step:
    """One command of the job. Its nodes and their order are planned once, and what building each set of them takes."""

    def __init__(self, ground: Ground, job: Job, index: Index, command: Command, known: Knowledge) -> None:
        self.index, self.command = index, command
        self._ground, self._job = ground, job
        self.plan = self._plan(known)
        # What is one command builds all it selects.
        self.policy = job.reuse if self.plan.engine is Engine.SHARED else ReusePolicy()
        self.order = [node.unique_id for node in self.plan.nodes]
        # Without sources: syncs tell of those.
        self.reads = {
            upstream
            for node in self.plan.nodes
            for upstream in node.sees
            if index.nodes[upstream].resource_type != "source"
        }
        self._tested = [node.unique_id for node in self.plan.nodes if node.unit_tests]
        self._spent: dict[tuple[frozenset[str], bool], Spent] = {}

    def decide(self, known: Knowledge) -> Done:
        """What is built now. Plans it, unless just that was planned before."""
        found = verdicts(
            self.index, self.order, self.command, policy=self.policy, known=known, tested=self._tested
        )
        built = frozenset(self.order) - found.reused
        key = built, not built and is_look_due(self.policy, known)
        if key not in self._spent:
            self._spent[key] = spent_by(self._plan(known), self._ground.environment)
        return Done(built, found.decided.decisions, found.decided.versions, self._spent[key])

    def _plan(self, known: Knowledge) -> Plan:
        return plan_step(
            self.index,
            self.command,
            run_id=1,
            step=1,
            bundle="",
            environment=self._ground.environment,
            predictions=self._ground.predictions,
            job=self._job,
            known=known,
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """A step that comes out the same: nothing is built as long as nothing happens, or everything each time."""

    done: Done
    known: Knowledge

    def holds(self, known: Knowledge, policy: ReusePolicy) -> bool:
        if not policy.unchanged:
            return True
        waits = any(found.reason is Reason.INSIDE_WINDOW for found in self.done.decisions.values())
        before = {name: found.version for name, found in self.known.sources.items()}
        now = {name: found.version for name, found in known.sources.items()}
        return (
            not waits
            and before == now
            and not self.done.spent.runner_seconds
            and not is_look_due(policy, known)
        )
