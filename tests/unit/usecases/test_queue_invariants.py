"""Whatever dies, freezes or gets no answer: every node ends once, after its parents, and no pool is ever over-full."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from headgate.adapters.memory import MemoryClock
from headgate.domain.plan import CLOSING, OPENING
from headgate.domain.queue import Claim, NodeState, void_epochs
from headgate.domain.results import NodeStatus
from headgate.errors import LeaseLostError
from headgate.usecases.repair_queue import repair_queue
from headgate.usecases.run_nodes import QueueSession
from tests.plans import plan_of, result_of, write
from tests.storm import KEY, CheckedQueue, CheckedSlots, Storm, ViolationError

SEEDS, AT_ONCE = 1000, 50
PARENTS = {"a": (), "b": (), "c": ("a", "b"), "d": ("c",), "e": ("b",)}


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_with_faults_before_and_after_every_kind_of_write_each_node_ends_once(first: int) -> None:
    faults = 0
    for seed in range(first, first + AT_ONCE):
        storm = Storm(seed)
        storm.end()
        storm.check()
        faults += storm.faults
    assert faults > 10 * AT_ONCE


class NoEpoch(CheckedQueue):
    """Planted fault: whoever has the runner's number may finish."""

    def finish(self, run_id: int, step: int, unique_id: str, result: Any, **owner: Any) -> bool:
        held = self._nodes[run_id, step][unique_id]
        if held.state is NodeState.RUNNING and held.runner == owner["runner"]:
            self._nodes[run_id, step][unique_id] = replace(held, epoch=owner["epoch"])
        return super().finish(run_id, step, unique_id, result, **owner)


class LosesReleases(CheckedQueue):
    """Planted fault: a release of the last parent is forgotten, and the record of it as well."""

    def release(self, run_id: int, step: int, unique_id: str, parent: int, **how: Any) -> bool:
        node = self._nodes[run_id, step][unique_id]
        return len(node.waits) > 1 and super().release(run_id, step, unique_id, parent, **how)

    def make_ready(self, run_id: int, step: int, unique_id: str) -> bool:
        return unique_id == CLOSING and super().make_ready(run_id, step, unique_id)


class ReleasesTooMuch(CheckedQueue):
    """Planted fault: a counter instead of a set; what is released twice counts twice."""

    def release(self, run_id: int, step: int, unique_id: str, parent: int, **how: Any) -> bool:
        node = self._nodes[run_id, step][unique_id]
        return super().release(run_id, step, unique_id, min(node.waits, default=parent), **how)


class TwoPlaces(CheckedSlots):
    """Planted fault: the limit is looked at, and then forgotten."""

    def take(self, environment: str, pool: str, holder: str, limit: int) -> bool:
        return super().take(environment, pool, holder, limit + 1) and len(
            self.holders(environment, pool)
        ) <= limit + self._over(pool, limit)

    def _over(self, pool: str, limit: int) -> int:
        if len(self.holders("production", pool)) > limit:
            raise ViolationError(f"{pool} has more holders than places")
        return 0


class NoTakeover(QueueSession):
    """Planted fault: nobody looks after the lost."""

    def _sweep(self, *, stalled: bool) -> None:
        pass


@pytest.mark.parametrize(
    "planted",
    [
        {"queue": NoEpoch},
        {"queue": LosesReleases},
        {"queue": ReleasesTooMuch},
        {"slots": TwoPlaces},
        {"session": NoTakeover},
    ],
    ids=lambda planted: next(iter(planted.values())).__name__,
)
def test_a_planted_fault_is_found_within_200_seeds(planted: dict[str, Callable[..., Any]]) -> None:
    for seed in range(200):
        try:
            storm = Storm(seed, **planted)
            storm.end()
            storm.check()
        except ViolationError:
            return
    raise AssertionError("nothing was found")


class Interleavings(RuleBasedStateMachine):
    """Two runners and their dead attempts do anything that the queue lets them, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = plan_of(PARENTS)
        self.queue, self.clock = CheckedQueue(self.plan), MemoryClock()
        write(self.queue, self.plan)
        self.sessions: dict[int, QueueSession] = {}
        # (runner, epoch, node) of every claim that was ever made: anybody may come back with any of them.
        self.claims: list[tuple[int, int, str]] = []

    runners = st.integers(1, 2)

    @rule(runner=runners)
    def begin(self, runner: int) -> None:
        self.sessions[runner] = QueueSession(self.queue, self.clock, self.plan, runner)
        self.sessions[runner].begin()

    @rule(runner=runners)
    def claim(self, runner: int) -> None:
        if runner in self.sessions:
            try:
                answer = self.sessions[runner].next()
            except LeaseLostError:
                del self.sessions[runner]
            else:
                if isinstance(answer, Claim):
                    self.claims.append((runner, self.sessions[runner].epoch, answer.unique_id))

    @rule(data=st.data(), status=st.sampled_from([NodeStatus.SUCCESS, NodeStatus.ERROR]))
    def finish(self, data: st.DataObject, status: NodeStatus) -> None:
        """By the session, or by an attempt that should be dead and writes all the same."""
        if not self.claims:
            return
        runner, epoch, node = data.draw(st.sampled_from(self.claims))
        result = None if node in (OPENING, CLOSING) else result_of(node, status)
        session = self.sessions.get(runner)
        if session is not None and session.epoch == epoch:
            try:
                session.finish(node, result)
            except LeaseLostError:
                self.sessions.pop(runner)
        else:
            self.queue.finish(*KEY, node, result, runner=runner, epoch=epoch, at="late")

    @rule(data=st.data())
    def hand_back(self, data: st.DataObject) -> None:
        if self.claims:
            runner, epoch, node = data.draw(st.sampled_from(self.claims))
            session = self.sessions.get(runner)
            if session is not None and session.epoch == epoch:
                session.hand_back([node])
            else:
                self.queue.hand_back(*KEY, node, runner=runner, epoch=epoch)

    @rule(runner=runners)
    def restart(self, runner: int) -> None:
        """Die with a node in hand, begin again, and take what comes first: often the same node."""
        self.claim(runner)
        self.begin(runner)
        self.claim(runner)

    @rule(data=st.data())
    def wake_late(self, data: st.DataObject) -> None:
        """An attempt that was followed by another one hands back what it thinks it holds."""
        epochs = {runner: session.epoch for runner, session in self.sessions.items()}
        stale = [claim for claim in self.claims if claim[1] < epochs.get(claim[0], 0)]
        if stale:
            runner, epoch, node = data.draw(st.sampled_from(stale))
            self.queue.hand_back(*KEY, node, runner=runner, epoch=epoch)

    @rule(data=st.data())
    def release_again(self, data: st.DataObject) -> None:
        """A release that was on its way for long."""
        done = [node for node in self.queue.nodes(*KEY) if node.state is NodeState.DONE]
        if done:
            node = data.draw(st.sampled_from(done))
            for child in self.plan.children.get(node.unique_id, ()):
                skip = node.result is not None and node.result.blocks_children
                self.queue.release(*KEY, child, node.position, skip=skip)

    @rule(runner=runners)
    def expire(self, runner: int) -> None:
        for record in self.queue.runners(*KEY):
            if record.runner == runner:
                self.queue.expire_lease(*KEY, record)

    @rule()
    def repair(self) -> None:
        repair_queue(self.queue, self.plan, void_epochs(self.queue.runners(*KEY)))

    @rule(seconds=st.sampled_from([0.1, 2.0, 20.0, 80.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def what_waits_waits_for_what_is_not_done(self) -> None:
        nodes = {node.unique_id: node for node in self.queue.nodes(*KEY)}
        for unique_id, node in nodes.items():
            above = [nodes[parent] for parent in self.queue._parents[unique_id]]
            if node.state in (NodeState.READY, NodeState.RUNNING, NodeState.DONE):
                assert all(parent.state is NodeState.DONE for parent in above)
            failed = [p for p in above if p.result is not None and p.result.blocks_children]
            if failed and unique_id != CLOSING and node.state is not NodeState.WAITING:
                assert node.skip

    def teardown(self) -> None:
        """Whatever happened, one runner that is left alone ends the step."""
        for record in self.queue.runners(*KEY):
            self.queue.expire_lease(*KEY, record)
        session = QueueSession(self.queue, self.clock, self.plan, 3)
        session.begin()
        for _ in range(200):
            self.clock.advance(2.0)
            session.renew()
            answer = session.next()
            if isinstance(answer, Claim):
                own = answer.unique_id in (OPENING, CLOSING)
                session.finish(answer.unique_id, None if own else result_of(answer.unique_id))
        assert self.queue.open_nodes(*KEY, consistent=True) == []


Interleavings.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestInterleavings = Interleavings.TestCase
