"""A relation is built by one attempt at a time, over all runs; who has to wait holds up nothing else."""

from dataclasses import replace

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.adapters.memory.build_states import MemoryBuildStates
from headgate.domain.build_state import BuildState, Hold
from headgate.domain.plan import CLOSING, OPENING
from headgate.domain.queue import (
    LEASE_SECONDS,
    MARGIN_SECONDS,
    Claim,
    NodeState,
)
from headgate.domain.results import NodeStatus
from headgate.domain.slots import Holder
from headgate.errors import UnavailableError
from headgate.usecases.hold_relations import HELD_SECONDS, LONG_AGO_SECONDS
from headgate.usecases.run_nodes import Over
from tests.holds import ENVIRONMENT, claim_of, holding, joined, opened, state_of, waits
from tests.plans import result_of, write
from tests.sessions import begun, built

TWO = {"a": (), "z": ()}
LOST_AFTER = LEASE_SECONDS + MARGIN_SECONDS


class Moody(MemoryBuildStates):
    """States that give no answer when told so, before or after doing what they were asked."""

    before = after = ""

    def hold(
        self, environment: str, unique_id: str, holder: str, *, instead_of: str = ""
    ) -> Hold | BuildState:
        self._maybe("hold", self.before)
        answer = super().hold(environment, unique_id, holder, instead_of=instead_of)
        self._maybe("hold", self.after)
        return answer

    def let_go(self, environment: str, unique_id: str, fence: int, *, error: str = "") -> bool:
        self._maybe("let_go", self.before)
        answer = super().let_go(environment, unique_id, fence, error=error)
        self._maybe("let_go", self.after)
        return answer

    def _maybe(self, verb: str, mood: str) -> None:
        if mood == verb:
            raise UnavailableError(verb)


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()


def test_a_claim_brings_the_hold_of_its_relation(world: MemoryWorld) -> None:
    claim = claim_of(opened(world, holding()))
    assert claim.hold is not None
    assert (claim.hold.fence, claim.hold.before) == (1, BuildState("a"))
    assert state_of(world).holder == str(Holder(7, 1, 1, 1, "a"))


def test_what_another_run_builds_waits_while_everything_else_goes_on(world: MemoryWorld) -> None:
    said: list[tuple[str, str]] = []
    claim_of(opened(world, holding()))
    second = opened(world, holding(TWO, run_id=8), tell=lambda *text: said.append(text))
    assert claim_of(second).unique_id == "z"
    assert waits(second)
    assert waits(second)
    assert said == [("a", "waits for run 7, which builds it")]


def test_it_is_asked_for_again_after_a_moment_and_not_sooner(world: MemoryWorld) -> None:
    first = opened(world, holding())
    claim = claim_of(first)
    second = opened(world, holding(run_id=8))
    assert waits(second)
    first.decide_again(claim)
    first.finish("a", result_of("a"))
    assert waits(second)
    world.clock.advance(HELD_SECONDS + 0.1)
    again = claim_of(second)
    assert again.hold is not None
    assert again.hold.before.version == "7.1.1"
    assert again.hold.fence == 2


def test_the_places_of_what_has_to_wait_are_given_back(world: MemoryWorld) -> None:
    claim_of(opened(world, holding()))
    plan = holding(run_id=8, pools={"large": 1})
    plan = replace(plan, nodes=tuple(replace(node, pools=("large",)) for node in plan.nodes))
    assert waits(opened(world, plan, slots=world.slots))
    assert world.slots.holders(ENVIRONMENT, "large") == []


def test_a_node_behind_a_full_window_of_waiting_ones_is_found(world: MemoryWorld) -> None:
    many = {f"m{number:02}": () for number in range(30)}
    first = opened(world, holding(many))
    held = {claim_of(first).unique_id for _ in range(29)}
    second = opened(world, holding({**many, "last": ()}, run_id=8))
    # Each look goes a little further.
    found = set()
    for _ in range(6):
        answer = second.next()
        found |= {answer.unique_id} if isinstance(answer, Claim) else set()
        world.clock.advance(HELD_SECONDS + 0.1)
        first.renew()
        second.renew()
    assert found == {*many, "last"} - held


class TestLostHolders:
    """Whose lease is over holds nothing; whoever takes over knows that the relation is not to be trusted."""

    def test_a_runner_that_said_goodbye(self, world: MemoryWorld) -> None:
        first = opened(world, holding())
        claim_of(first)
        # It could not give anything back any more.
        world.queue.end_lease(7, 1, 1, 1, "killed")
        claim = claim_of(opened(world, holding(run_id=8)))
        assert claim.hold is not None
        assert claim.hold.before.holder == str(Holder(7, 1, 1, 1, "a"))
        assert state_of(world).status == "error"

    def test_a_runner_that_was_killed_is_watched_as_long_as_a_lease_lasts(self, world: MemoryWorld) -> None:
        claim_of(opened(world, holding()))
        second = opened(world, holding(run_id=8))
        for _ in range(3):
            assert waits(second)
            world.clock.advance(LOST_AFTER / 3 - 1)
            second.renew()
        assert waits(second)
        world.clock.advance(4)
        assert claim_of(second).unique_id == "a"

    def test_one_that_was_killed_long_ago_is_replaced_at_once(self, world: MemoryWorld) -> None:
        claim_of(opened(world, holding()))
        world.clock.advance(LEASE_SECONDS + LONG_AGO_SECONDS + 1)
        assert claim_of(opened(world, holding(run_id=8))).unique_id == "a"

    def test_a_live_one_is_not_however_long_it_takes(self, world: MemoryWorld) -> None:
        first = opened(world, holding())
        claim_of(first)
        second = opened(world, holding(run_id=8))
        for _ in range(20):
            world.clock.advance(20)
            first.renew()
            second.renew()
            assert waits(second)

    def test_a_run_whose_records_are_gone(self, world: MemoryWorld) -> None:
        world.states.hold(ENVIRONMENT, "a", str(Holder(3, 1, 1, 1, "a")))
        assert claim_of(opened(world, holding(run_id=8))).unique_id == "a"

    def test_the_next_epoch_of_the_same_runner(self, world: MemoryWorld) -> None:
        plan = holding()
        claim_of(opened(world, plan))
        claim = claim_of(joined(world, plan))
        assert claim.hold is not None
        assert (claim.unique_id, claim.hold.fence, claim.uncertain) == ("a", 2, True)


class TestEnds:
    """Whatever becomes of a claim, its hold does not outlive it."""

    def test_of_a_claim_that_another_runner_won(self, world: MemoryWorld) -> None:
        session = opened(world, holding())
        assert world.queue.claim(7, 1, "a", runner=2, epoch=1, at="now") is not None
        session._claims.first(["a"])
        assert (state_of(world).holder, state_of(world).status) == ("", "")

    def test_what_is_handed_back_before_its_build_began_is_as_it_was(self, world: MemoryWorld) -> None:
        session = opened(world, holding())
        claim_of(session)
        assert session.hand_back() == ["a"]
        assert (state_of(world).holder, state_of(world).status) == ("", "")

    def test_what_is_handed_back_in_the_middle_is_not_to_be_trusted(self, world: MemoryWorld) -> None:
        session = opened(world, holding())
        session.decide_again(claim_of(session))
        session.hand_back()
        assert (state_of(world).holder, state_of(world).status) == ("", "error")

    def test_of_a_node_that_is_skipped(self, world: MemoryWorld) -> None:
        session = opened(world, holding({"a": (), "b": ("a",)}))
        session.decide_again(claim_of(session))
        session.finish("a", result_of("a", NodeStatus.ERROR))
        claim = claim_of(session)
        assert claim.skip
        session.finish("b", result_of("b", NodeStatus.SKIPPED))
        assert (state_of(world, "b").holder, state_of(world, "b").status) == ("", "")

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_of_one_that_got_no_answer(self, world: MemoryWorld, moment: str) -> None:
        states = Moody()
        world.states = states
        session = opened(world, holding(TWO))
        setattr(states, moment, "hold")
        with pytest.raises(UnavailableError):
            session.next()
        setattr(states, moment, "")
        # Somebody else claims it: it will not be asked for again here.
        world.queue.claim(7, 1, "a", runner=2, epoch=1, at="now")
        assert claim_of(session).unique_id == "z"
        assert state_of(world).holder == ""

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_of_one_whose_end_got_no_answer(self, world: MemoryWorld, moment: str) -> None:
        states = Moody()
        world.states = states
        session = opened(world, holding())
        session.decide_again(claim_of(session))
        setattr(states, moment, "let_go")
        session.finish("a", result_of("a", NodeStatus.ERROR, message="no such column"))
        setattr(states, moment, "")
        session.next()
        assert (state_of(world).holder, state_of(world).message) == ("", "no such column")


def test_the_culprit_of_a_fast_failure_is_built_again_with_a_hold_and_everything_else_without(
    world: MemoryWorld,
) -> None:
    plan = replace(holding(TWO), fail_fast=True)
    session = opened(world, plan)
    session.fail_fast("a")
    world.clock.advance(10)
    claims = {claim.unique_id: claim for claim in (claim_of(session), claim_of(session))}
    assert claims["a"].hold is not None
    assert claims["z"].hold is None


def test_a_step_without_states_holds_and_remembers_nothing(world: MemoryWorld) -> None:
    session = begun(world.queue, world.clock, write(world.queue, holding()), 1)
    assert built(session) == OPENING
    claim = claim_of(session)
    assert claim.hold is None
    assert session.decide_again(claim) is None
    session.finish("a", result_of("a"))
    assert state_of(world) == BuildState("a")


def test_two_runs_over_the_same_ten_models_build_none_of_them_at_the_same_time(world: MemoryWorld) -> None:
    names = {f"m{number}": () for number in range(10)}
    sessions = {run: opened(world, holding(names, run_id=run)) for run in (7, 8)}
    at_work: dict[str, int] = {}
    turns = 0
    while sessions:
        turns += 1
        assert turns < 500, "somebody waits for ever"
        for run, session in list(sessions.items()):
            claim = session.next()
            if isinstance(claim, Over):
                del sessions[run]
            elif isinstance(claim, Claim) and claim.unique_id != CLOSING:
                assert claim.unique_id not in at_work
                at_work[claim.unique_id] = run
                session.decide_again(claim)
            elif isinstance(claim, Claim):
                session.finish(CLOSING, None)
            mine = [node for node, owner in at_work.items() if owner == run]
            if len(mine) > 2 or not isinstance(claim, Claim):
                for node in mine[:1]:
                    session.finish(node, result_of(node))
                    del at_work[node]
            session.renew() if run in sessions else None
        world.clock.advance(0.4)
    assert {state_of(world, name).fence for name in names} == {2}
    assert all(node.state is NodeState.DONE for node in world.queue.nodes(8, 1))
