"""What one dbt command builds is not remembered, and whatever was remembered of it before counts no more."""

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.build_state import BuildState
from headgate.usecases.disown_builds import UNWATCHED, disown_builds
from tests.holds import ENVIRONMENT, claim_of, holding, opened, state_of
from tests.plans import result_of

NAMES = {"a": (), "b": ()}


@pytest.fixture
def world() -> MemoryWorld:
    world = MemoryWorld()
    session = opened(world, holding(NAMES))
    for _ in NAMES:
        claim = claim_of(session)
        session.decide_again(claim)
        session.finish(claim.unique_id, result_of(claim.unique_id))
    return world


def disown(world: MemoryWorld, *unique_ids: str, afterwards: bool = False) -> list[str]:
    command = holding(NAMES, run_id=9)
    return disown_builds(command, unique_ids, states=world.states, runner=1, epoch=1, afterwards=afterwards)


def test_what_was_built_before_is_unhealthy_and_held_by_nobody(world: MemoryWorld) -> None:
    assert disown(world, "a", "never.built") == ["a"]
    assert (state_of(world).status, state_of(world).message, state_of(world).holder) == (
        "error",
        UNWATCHED,
        "",
    )
    assert state_of(world, "b").status == "success"
    assert world.states.read(ENVIRONMENT, ["never.built"]) == {}


def test_what_does_not_count_costs_no_write(world: MemoryWorld) -> None:
    disown(world, "a")
    before = state_of(world)
    assert disown(world, "a") == []
    assert state_of(world) == before


def test_nobody_is_driven_out_before_the_command_begins_but_whoever_built_beside_it_cannot_commit(
    world: MemoryWorld,
) -> None:
    session = opened(world, holding({"a": ()}, run_id=8))
    claim = claim_of(session)
    assert disown(world, "a") == []
    assert state_of(world).holder.startswith("8#")
    assert disown(world, "a", afterwards=True) == ["a"]
    assert claim.hold is not None
    assert not world.states.commit(ENVIRONMENT, BuildState("a", version="8.1.2", fence=claim.hold.fence))
    assert state_of(world).status == "error"
