"""What a build leaves in memory: committed before the queue hears of it, and never more than the warehouse has."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.adapters.memory.node_queue import MemoryNodeQueue
from headgate.domain.build_state import BuildState
from headgate.domain.command import Command
from headgate.domain.decision import Action, Decision, Reason
from headgate.domain.results import NodeResult, NodeStatus
from headgate.errors import LeaseLostError, UnavailableError
from headgate.usecases.hold_relations import HELD_SECONDS
from headgate.usecases.remember_builds import RECENT_SECONDS
from headgate.usecases.run_nodes import QueueSession
from tests.holds import ENVIRONMENT, FINGERPRINT, claim_of, holding, joined, opened, state_of, waits
from tests.plans import result_of, write

CHAIN: dict[str, Sequence[str]] = {"a": (), "b": ("a",), "test.shop.t": ("b",)}
TEST = "test.shop.t"


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()


def build(session: QueueSession, status: NodeStatus = NodeStatus.SUCCESS, **entry: Any) -> str:
    """One node's whole turn."""
    claim = claim_of(session)
    decision = session.decide_again(claim)
    result = result_of(claim.unique_id, status, **entry)
    if decision is not None:
        result = NodeResult.of_reused(claim.unique_id, decision.status, decision.sentence)
    session.finish(claim.unique_id, result)
    return claim.unique_id


def status_of(world: MemoryWorld, unique_id: str, run_id: int = 7) -> NodeStatus:
    return next(one.status for one in world.queue.results(run_id, 1) if one.unique_id == unique_id)


def test_a_build_is_remembered_with_its_code_and_what_it_has_read(world: MemoryWorld) -> None:
    session = opened(world, holding(CHAIN))
    build(session)
    world.clock.advance(5)
    build(session)
    assert state_of(world, "b") == BuildState(
        "b",
        version="7.1.1",
        relation="analytics.b",
        fingerprint=FINGERPRINT,
        seen={"a": "7.1.1"},
        built_at=world.clock.now(),
        run_id=7,
        status="success",
        pending=frozenset({TEST}),
        fence=1,
    )


def test_what_another_node_built_in_the_same_place_is_there_no_longer(world: MemoryWorld) -> None:
    build(opened(world, holding({"a": ()})))
    renamed = holding({"b": ()}, run_id=8)
    renamed = replace(renamed, nodes=(replace(renamed.nodes[0], relation="analytics.a"),))
    world.clock.advance(HELD_SECONDS)
    session = opened(world, renamed)
    claim = claim_of(session)
    session.decide_again(claim)
    # Before anything is written there.
    assert state_of(world, "a").version == ""
    session.finish("b", result_of("b"))
    assert state_of(world, "b").version == "8.1.1"
    world.clock.advance(HELD_SECONDS)
    build(opened(world, holding({"a": ()}, run_id=9)))
    assert (state_of(world, "a").version, state_of(world, "b").version) == ("9.1.2", "")
    build(opened(world, holding({"a": ()}, run_id=10)))
    assert state_of(world, "a").version == "10.1.3"


def test_what_arrives_while_it_is_built_counts_as_new(world: MemoryWorld) -> None:
    world.states.record(ENVIRONMENT, BuildState("raw", version="5.1.1", status="success"))
    plan = holding({"b": ()}, reuse=True, versions={"source.shop.s": "fivetran/c@1"})
    seen = ("raw", "source.shop.s")
    plan = replace(plan, nodes=tuple(replace(node, sees=seen) for node in plan.nodes))
    session = opened(world, plan)
    claim = claim_of(session)
    session.decide_again(claim)
    world.states.record(ENVIRONMENT, BuildState("raw", version="6.1.2", status="success"))
    session.finish("b", result_of("b"))
    assert state_of(world, "b").seen == {"raw": "5.1.1", "source.shop.s": "fivetran/c@1"}


@pytest.mark.parametrize("status", [NodeStatus.ERROR, NodeStatus.PARTIAL_SUCCESS])
def test_a_build_that_failed_leaves_the_one_before_and_says_that_it_is_unhealthy(
    world: MemoryWorld, status: NodeStatus
) -> None:
    build(opened(world, holding()))
    world.clock.advance(HELD_SECONDS)
    build(opened(world, holding(run_id=8)), status, message="no such column")
    state = state_of(world)
    assert (state.version, state.status, state.message, state.holder) == (
        "7.1.1",
        "error",
        "no such column",
        "",
    )


def test_who_has_lost_the_right_to_build_commits_nothing_and_hears_of_it(world: MemoryWorld) -> None:
    session = opened(world, holding())
    session.decide_again(claim_of(session))
    # Somebody who thought it gone has the relation now.
    held = state_of(world).holder
    world.states.hold(ENVIRONMENT, "a", "9#1#1#1#a", instead_of=held)
    with pytest.raises(LeaseLostError, match="somebody else has the right to build a"):
        session.finish("a", result_of("a"))
    assert state_of(world).version == ""
    assert world.queue.results(7, 1) == []


class Deaf(MemoryNodeQueue):
    """Never hears of an end."""

    deaf = False

    def finish(self, *args: Any, **kwargs: Any) -> bool:
        if self.deaf:
            raise UnavailableError("finish")
        return super().finish(*args, **kwargs)


def test_a_runner_that_dies_between_commit_and_record_leaves_a_build_that_counts(world: MemoryWorld) -> None:
    queue = world.queue = Deaf()
    plan = holding()
    session = opened(world, plan)
    session.decide_again(claim_of(session))
    queue.deaf = True
    with pytest.raises(UnavailableError):
        session.finish("a", result_of("a"))
    queue.deaf = False
    assert (state_of(world).version, state_of(world).holder) == ("7.1.1", "")
    again = joined(world, plan)
    build(again)
    assert state_of(world).version == "7.1.2"


def test_the_same_end_told_again_changes_nothing(world: MemoryWorld) -> None:
    queue = world.queue = Deaf()
    session = opened(world, holding(CHAIN))
    session.decide_again(claim_of(session))
    queue.deaf = True
    with pytest.raises(UnavailableError):
        session.finish("a", result_of("a"))
    queue.deaf = False
    before = state_of(world)
    session.finish("a", result_of("a"))
    assert state_of(world) == before
    assert status_of(world, "a") is NodeStatus.SUCCESS


class TestEndsOfTests:
    """A model counts once its tests passed; one that fails is known before its run ends."""

    def test_one_that_passes_no_longer_stands_in_the_way(self, world: MemoryWorld) -> None:
        session = opened(world, holding(CHAIN))
        for _ in range(2):
            build(session)
        assert build(session, NodeStatus.PASS) == TEST
        assert state_of(world, "b").pending == state_of(world, "b").failed == frozenset()
        own = state_of(world, TEST)
        assert (own.status, own.seen, own.fingerprint) == ("pass", {"b": "7.1.1"}, FINGERPRINT)

    @pytest.mark.parametrize("status", [NodeStatus.FAIL, NodeStatus.ERROR])
    def test_one_that_fails_makes_what_it_tests_unhealthy_before_the_queue_hears_of_it(
        self, world: MemoryWorld, status: NodeStatus
    ) -> None:
        queue = world.queue = Deaf()
        session = opened(world, holding(CHAIN))
        for _ in range(2):
            build(session)
        queue.deaf = True
        with pytest.raises(UnavailableError):
            build(session, status)
        assert state_of(world, "b").failed == {TEST}
        assert state_of(world, "a").failed == frozenset()
        assert state_of(world, TEST).status == status.value

    def test_one_that_warns_has_passed(self, world: MemoryWorld) -> None:
        session = opened(world, holding(CHAIN))
        for _ in range(2):
            build(session)
        build(session, NodeStatus.WARN, message="got 3 results")
        assert state_of(world, "b").pending == frozenset()
        assert (state_of(world, TEST).status, state_of(world, TEST).message) == ("warn", "got 3 results")

    def test_one_that_was_skipped_says_nothing(self, world: MemoryWorld) -> None:
        session = opened(world, holding(CHAIN))
        build(session)
        build(session, NodeStatus.ERROR)
        assert claim_of(session).skip
        session.finish(TEST, result_of(TEST, NodeStatus.SKIPPED))
        assert state_of(world, TEST) == BuildState(TEST)

    def test_one_that_tested_the_build_before_does_not_count_for_the_next(self, world: MemoryWorld) -> None:
        session = opened(world, holding(CHAIN))
        for _ in range(2):
            build(session)
        test = claim_of(session)
        session.decide_again(test)
        world.clock.advance(HELD_SECONDS)
        other = opened(world, holding(CHAIN, run_id=8))
        for _ in range(2):
            build(other)
        session.finish(TEST, result_of(TEST, NodeStatus.FAIL))
        assert (state_of(world, "b").pending, state_of(world, "b").failed) == ({TEST}, frozenset())

    def test_one_that_may_have_looked_elsewhere_makes_nothing_healthy(self, world: MemoryWorld) -> None:
        world.states.record(
            ENVIRONMENT, BuildState("b", version="6.1.1", status="success", failed=frozenset({TEST}))
        )
        chain = holding(CHAIN)
        [test] = [node for node in chain.nodes if node.unique_id == TEST]
        deferred = Command("test", defer=True, favor_state=True, state="staging")
        plan = replace(chain, nodes=(replace(test, parents=()),), command=deferred)
        build(opened(world, plan), NodeStatus.PASS)
        assert state_of(world, TEST).status == "pass"
        assert state_of(world, "b").failed == {TEST}

    def test_of_what_was_to_be_reused_all_tests_count(self, world: MemoryWorld) -> None:
        plan = holding({"b": (), TEST: ("b",)}, reuse=True)
        reused = Decision(Action.REUSE, Reason.NO_NEW_DATA)
        plan = replace(
            plan, nodes=tuple(replace(n, decision=reused, tests=()) for n in plan.nodes), look=True
        )
        write(world.queue, plan)
        session = joined(world, plan)
        opening = claim_of(session)
        assert session.revive_missing({"b"}) == ["b", TEST]
        session.finish(opening.unique_id, None)
        build(session)
        assert state_of(world, "b").pending == {TEST}


class TestDecidingAgain:
    """Who waited for another run's build asks once more whether there is anything left to do."""

    def planned(self, **fields: Any) -> Any:
        new = Decision(Action.BUILD, Reason.NEW_DATA, "a")
        plan = holding({"a": ()}, run_id=8, reuse=True, versions={"source.shop.s": "fivetran/c@1"}, **fields)
        return replace(plan, nodes=tuple(_reads_source(replace(n, decision=new)) for n in plan.nodes))

    def built_by_the_first(self, world: MemoryWorld, version: str = "fivetran/c@1") -> None:
        first = holding({"a": ()}, reuse=True, versions={"source.shop.s": version})
        first = replace(first, nodes=tuple(map(_reads_source, first.nodes)))
        build(opened(world, first))

    def test_what_the_other_run_built_of_the_same_is_reused(self, world: MemoryWorld) -> None:
        self.built_by_the_first(world)
        session = opened(world, self.planned())
        build(session)
        assert status_of(world, "a", 8) is NodeStatus.REUSED
        assert (state_of(world).version, state_of(world).holder, state_of(world).status) == (
            "7.1.1",
            "",
            "success",
        )

    def test_its_children_are_released(self, world: MemoryWorld) -> None:
        self.built_by_the_first(world)
        plan = holding(
            {"a": (), "b": ("a",)}, run_id=8, reuse=True, versions={"source.shop.s": "fivetran/c@1"}
        )
        nodes = (
            _reads_source(replace(plan.nodes[0], decision=Decision(reason=Reason.NEW_DATA))),
            plan.nodes[1],
        )
        session = opened(world, replace(plan, nodes=nodes))
        assert [build(session), build(session)] == ["a", "b"]
        assert status_of(world, "b", 8) is NodeStatus.SUCCESS
        assert state_of(world, "b").seen == {"a": "7.1.1"}

    def test_what_it_built_of_older_data_is_built(self, world: MemoryWorld) -> None:
        self.built_by_the_first(world, "fivetran/c@0")
        build(opened(world, self.planned()))
        assert state_of(world).version == "8.1.2"

    def test_what_nobody_has_built_since_the_plan_is_not_asked_about(self, world: MemoryWorld) -> None:
        self.built_by_the_first(world)
        plan = self.planned()
        plan = replace(plan, nodes=tuple(replace(node, built="7.1.1") for node in plan.nodes))
        build(opened(world, plan))
        assert state_of(world).version == "8.1.2"

    def test_what_is_forced_is_built(self, world: MemoryWorld) -> None:
        self.built_by_the_first(world)
        plan = self.planned()
        forced = Decision(reason=Reason.FORCED, fact="--full-refresh")
        plan = replace(plan, nodes=tuple(replace(node, decision=forced) for node in plan.nodes))
        build(opened(world, plan))
        assert state_of(world).version == "8.1.2"

    def test_a_job_that_does_not_reuse_builds(self, world: MemoryWorld) -> None:
        self.built_by_the_first(world)
        build(opened(world, replace(self.planned(), reuse=False)))
        assert state_of(world).version == "8.1.2"

    def test_what_the_other_run_lost_in_the_middle_is_built(self, world: MemoryWorld) -> None:
        self.built_by_the_first(world)
        world.states.hold(ENVIRONMENT, "a", "5#1#1#1#a")
        session = opened(world, self.planned())
        build(session)
        assert state_of(world).version == "8.1.3"


class TestTestsAgain:
    """A test of what other runs built may be reused as well, but not one that somebody's build waits for."""

    def after_the_first(self, world: MemoryWorld, tests: int) -> Any:
        """The plan of a run to which view b (whose version never changes) is reused. tests: turns of the first run."""
        parents: dict[str, Sequence[str]] = {"b": (), TEST: ("b",)}
        first = holding(parents, reuse=True, versions={"b": "digest"})
        session = opened(world, first)
        for status in (NodeStatus.SUCCESS, NodeStatus.PASS)[: 1 + tests]:
            build(session, status)
        world.clock.advance(HELD_SECONDS)
        plan = holding(parents, run_id=8, reuse=True, versions={"b": "digest"})
        new = Decision(reason=Reason.NEW_DATA)
        return replace(plan, nodes=tuple(replace(node, decision=new) for node in plan.nodes))

    def test_one_that_has_passed_over_there_is_reused(self, world: MemoryWorld) -> None:
        session = opened(world, self.after_the_first(world, tests=1))
        build(session)
        build(session)
        assert [status_of(world, node, 8) for node in ("b", TEST)] == [NodeStatus.REUSED] * 2

    def test_one_that_has_not_is_run(self, world: MemoryWorld) -> None:
        session = opened(world, self.after_the_first(world, tests=0))
        build(session)
        build(session, NodeStatus.PASS)
        assert [status_of(world, node, 8) for node in ("b", TEST)] == [NodeStatus.REUSED, NodeStatus.PASS]
        assert state_of(world, "b").pending == frozenset()

    def test_one_that_passed_before_the_other_run_built_once_more_is_run(self, world: MemoryWorld) -> None:
        plan = self.after_the_first(world, tests=1)
        between = holding({"b": (), TEST: ("b",)}, run_id=6, reuse=True, versions={"b": "digest"})
        build(opened(world, between))
        world.clock.advance(HELD_SECONDS)
        session = opened(world, plan)
        build(session)
        build(session, NodeStatus.PASS)
        assert [status_of(world, node, 8) for node in ("b", TEST)] == [NodeStatus.REUSED, NodeStatus.PASS]

    def test_one_of_a_view_that_this_run_built_is_run_though_its_version_is_the_same(
        self, world: MemoryWorld
    ) -> None:
        plan = self.after_the_first(world, tests=1)
        plan = replace(plan, nodes=tuple(replace(node, built="7.1.1") for node in plan.nodes))
        session = opened(world, plan)
        build(session)
        build(session, NodeStatus.PASS)
        assert [status_of(world, node, 8) for node in ("b", TEST)] == [NodeStatus.SUCCESS, NodeStatus.PASS]
        assert state_of(world, "b").pending == frozenset()


class TestBesideOthers:
    """What another run did not long ago, dbt's own memory of the warehouse may have missed."""

    def told(self, world: MemoryWorld, seconds: float, run_id: int = 8) -> bool:
        build(opened(world, holding(CHAIN)))
        world.clock.advance(seconds)
        session = opened(world, holding(CHAIN, run_id=run_id))
        claim = claim_of(session)
        session.decide_again(claim)
        return session.is_beside_others("a")

    def test_a_build_of_a_moment_ago(self, world: MemoryWorld) -> None:
        assert self.told(world, 30)

    def test_one_of_an_hour_ago(self, world: MemoryWorld) -> None:
        assert not self.told(world, RECENT_SECONDS + 30)

    def test_a_parent_that_this_run_built(self, world: MemoryWorld) -> None:
        session = opened(world, holding(CHAIN))
        build(session)
        session.decide_again(claim_of(session))
        assert not session.is_beside_others("b")


def test_two_runs_that_begin_together_build_everything_once(world: MemoryWorld) -> None:
    sources = {"source.shop.s": "fivetran/c@1"}

    def planned(run_id: int) -> Any:
        plan = holding({"a": (), "b": ("a",)}, run_id=run_id, reuse=True, versions=sources)
        new = Decision(reason=Reason.MISSING)
        nodes = [replace(node, decision=new) for node in plan.nodes]
        return replace(plan, nodes=(_reads_source(nodes[0]), nodes[1]))

    first, second = opened(world, planned(7)), opened(world, planned(8))
    claim = claim_of(first)
    first.decide_again(claim)
    assert waits(second)
    first.finish("a", result_of("a"))
    build(first)
    world.clock.advance(HELD_SECONDS + 0.1)
    assert [build(second), build(second)] == ["a", "b"]
    assert {status_of(world, node, 8) for node in "ab"} == {NodeStatus.REUSED}
    assert {status_of(world, node, 7) for node in "ab"} == {NodeStatus.SUCCESS}


def _reads_source(node: Any) -> Any:
    terms = replace(node.terms, reads=(("source.shop.s",),))
    return replace(node, sees=("source.shop.s",), terms=terms)
