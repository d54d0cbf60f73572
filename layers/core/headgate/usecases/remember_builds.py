"""What a runner's builds leave in memory, so that the next run need not repeat them.

Before a node is built, the versions of what it reads are noted: data that arrives meanwhile counts as new next time.
A build is committed before the queue hears of its end. If its runner dies between the two, the repetition holds again
with a higher fence; if it dies before both, the holder that is left behind says that the relation is not to be trusted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from headgate.domain.build_state import BuildState, Hold
from headgate.domain.decision import Decision, Reason
from headgate.domain.plan import Plan, PlannedNode
from headgate.domain.queue import Claim
from headgate.domain.results import FAILED, NodeResult, NodeStatus
from headgate.domain.reuse import decide_again, versions_now
from headgate.errors import LeaseLostError
from headgate.ports import BuildStates, Clock
from headgate.usecases.hold_relations import Relations

# Clocks may be so far apart (seconds): a build is recent if it may have been committed since.
RECENT_SECONDS = 600.0
# Ends that leave a relation as it was, unless its build had begun.
_UNTOUCHED = frozenset({NodeStatus.SKIPPED, NodeStatus.NO_OP, NodeStatus.REUSED})
_TEST = "test"


@dataclass(frozen=True, slots=True)
class _Beginning:
    """What was known just before a node's build began. states: of what it sees, and of what a test tests.

    beside_others: see `Builds.is_beside_others`.
    """

    seen: Mapping[str, str]
    states: Mapping[str, BuildState]
    beside_others: bool


class Builds:
    """The builds of one runner. Without BuildStates nothing is remembered."""

    def __init__(self, states: BuildStates | None, clock: Clock, plan: Plan, relations: Relations) -> None:
        self._states, self._clock, self._plan, self._relations = states, clock, plan, relations
        self._planned = {node.unique_id: node for node in plan.nodes}
        self._begun: dict[str, _Beginning] = {}
        self._started_at = clock.now()

    def begin(self) -> None:
        """What an earlier epoch has begun is nothing of ours any more."""
        self._begun = {}
        self._started_at = self._clock.now()

    def note(self, claim: Claim) -> Decision | None:
        """Note what the node will be built from; in the thread that builds it. One read.

        A decision: somebody else built it since it was planned, and it is reused. Then nothing has begun.
        """
        node = self._planned.get(claim.unique_id)
        if self._states is None or node is None:
            return None
        family = [node, *(self._planned[test] for test in node.batch if test in self._planned)]
        if claim.hold is None and not any(one.resource_type == _TEST for one in family):
            return None
        states = self._read(family)
        decision = self._again(node, claim.hold, states)
        if decision is not None:
            return decision
        beside_others = self._is_recent(states, claim.hold)
        self._take_place(node, states)
        for one in family:
            seen = versions_now(self._plan, one, states)
            self._begun[one.unique_id] = _Beginning(seen, states, beside_others)
        return None

    def _take_place(self, node: PlannedNode, states: Mapping[str, BuildState]) -> None:
        """Before the build: of what another node has built in the same place, nothing will be left.

        A model gets another name and the same alias, and the change is taken back later: it is built again then.
        """
        place = _place(node)
        taken = states.get(place)
        if self._states is None or not place or (taken is not None and taken.message == node.unique_id):
            return
        environment = self._plan.environment
        if taken is not None:
            other = self._states.read(environment, [taken.message]).get(taken.message)
            if other is not None:
                self._states.forget(environment, taken.message, other.version)
        self._states.record(environment, BuildState(place, message=node.unique_id))

    def _is_recent(self, states: Mapping[str, BuildState], hold: Hold | None) -> bool:
        if hold is None:
            return False
        since = self._started_at - RECENT_SECONDS
        return any(
            state.holder or (state.run_id != self._plan.run_id and state.built_at > since)
            for state in (*states.values(), hold.before)
        )

    def is_beside_others(self, unique_id: str) -> bool:
        """Whether another run is building, or not long ago built, this relation or one that its build reads.

        What this process has read of the warehouse may be older than that.
        """
        beginning = self._begun.get(unique_id)
        return beginning is not None and beginning.beside_others

    def _read(self, family: Sequence[PlannedNode]) -> Mapping[str, BuildState]:
        assert self._states is not None  # noqa: S101
        tests = [one for one in family if one.resource_type == _TEST]
        # Views too: only their own states tell whether they are in the warehouse as their code says.
        wanted = {up for one in family for up in one.sees if not up.startswith("source.")}
        tested = {upstream for test in tests for upstream in tested_by(test)}
        places = {place for one in family if (place := _place(one))}
        asked = sorted(wanted | tested | places | {test.unique_id for test in tests})
        return self._states.read(self._plan.environment, asked) if asked else {}

    def _again(
        self, node: PlannedNode, hold: Hold | None, states: Mapping[str, BuildState]
    ) -> Decision | None:
        """The decision that the node is reused after all."""
        if not self._plan.reuse or node.batch or node.decision.reason is Reason.FORCED:
            return None
        if hold is None:
            if self._is_waited_for(node, states):
                return None
            before = states.get(node.unique_id)
        elif hold.before.version == node.built:
            # Nobody has built it since.
            return None
        else:
            # Its tests may still be under way over there; those of this plan are run here in any case.
            before = replace(hold.before, pending=frozenset())
        decision = decide_again(self._plan, node, before, states, self._clock.now())
        return decision if decision.reuses else None

    def _is_waited_for(self, test: PlannedNode, states: Mapping[str, BuildState]) -> bool:
        """Whether a build that this test tests is of this run, or does not count without it."""
        tested = [states[upstream] for upstream in tested_by(test) if upstream in states]
        return any(
            state.run_id == self._plan.run_id or test.unique_id in state.pending | state.failed
            for state in tested
        )

    def has_begun(self, unique_id: str) -> bool:
        """Whether its build may have reached the warehouse."""
        return unique_id in self._begun

    def end(self, unique_id: str, result: NodeResult | None, attached: Sequence[NodeResult] = ()) -> None:
        """Remember how a node ended, and its tests. May be called again; nothing changes then.

        Raises LeaseLostError when somebody else has the right to build the relation now.
        """
        for one in (*attached, *([result] if result is not None else [])):
            self._end_test(one)
        hold = self._relations.hold(unique_id)
        if hold is None:
            return
        status = result.status if result is not None else NodeStatus.NO_OP
        if status is NodeStatus.SUCCESS:
            self._commit(self._planned[unique_id], hold)
        elif status in _UNTOUCHED and not self.has_begun(unique_id):
            self._relations.let_go(unique_id)
        else:
            message = result.message if result is not None else ""
            self._relations.let_go(unique_id, message or f"its build ended as {status.value}")

    def forget(self, unique_id: str) -> None:
        """It has ended, or is no longer built here."""
        self._begun.pop(unique_id, None)

    def _commit(self, node: PlannedNode, hold: Hold) -> None:
        assert self._states is not None  # noqa: S101
        beginning = self._begun.get(node.unique_id)
        state = BuildState(
            node.unique_id,
            version=f"{self._plan.run_id}.{self._plan.step}.{hold.fence}",
            relation=node.relation,
            # What was built without a look at its upstreams must not be reused.
            fingerprint=node.fingerprint if beginning is not None else {},
            seen=beginning.seen if beginning is not None else {},
            built_at=self._clock.now(),
            run_id=self._plan.run_id,
            status=NodeStatus.SUCCESS.value,
            pending=self._pending(node),
            fence=hold.fence,
        )
        if not self._states.commit(self._plan.environment, state):
            raise LeaseLostError(f"somebody else has the right to build {node.unique_id} now")
        self._relations.committed(node.unique_id)

    def _pending(self, node: PlannedNode) -> frozenset[str]:
        """The tests that must pass before this build counts; of one that was to be reused, all that there are."""
        if node.is_built:
            return frozenset(node.tests)
        return frozenset(one.unique_id for one in self._plan.nodes if node.unique_id in tested_by(one))

    def _end_test(self, result: NodeResult) -> None:
        node, beginning = self._planned.get(result.unique_id), self._begun.get(result.unique_id)
        skipped = result.status is NodeStatus.SKIPPED
        if (
            self._states is None
            or node is None
            or node.resource_type != _TEST
            or beginning is None
            or skipped
        ):
            return
        passed = result.status not in FAILED
        for upstream in tested_by(node):
            state = beginning.states.get(upstream)
            if passed and self._plan.command.defer and upstream not in self._planned:
                # It may have looked at another environment's relation.
                continue
            if state is not None and (not passed or node.unique_id in state.pending | state.failed):
                self._states.test_ended(
                    self._plan.environment, upstream, state.version, node.unique_id, passed=passed
                )
        ended = BuildState(
            node.unique_id,
            fingerprint=node.fingerprint,
            seen=beginning.seen,
            built_at=self._clock.now(),
            run_id=self._plan.run_id,
            status=result.status.value,
            message=result.message,
        )
        self._states.record(self._plan.environment, ended)


def _place(node: PlannedNode) -> str:
    """Under which id it is remembered whose build lies in the node's relation; nothing of tests."""
    return f"relation:{node.relation}" if node.relation else ""


def tested_by(node: PlannedNode) -> tuple[str, ...]:
    """What a data test reads directly; nothing for anything else."""
    return tuple(group[0] for group in node.terms.reads if group) if node.resource_type == _TEST else ()
