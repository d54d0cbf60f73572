"""The laptop's table keeps what is remembered of builds and syncs as AWS's does: old items, sets, conditions."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from headgate.adapters.aws.dynamodb_build_states import DynamoDBBuildStates
from headgate.adapters.aws.dynamodb_freshness import DynamoDBFreshness
from headgate.domain.build_state import BuildState, Hold
from headgate.domain.sync import Observation, Sync
from tests.integration.emulated import Emulated

ENV, ORDERS, NOON = "production", "model.shop.orders", 1_767_268_800.0


@pytest.fixture
def states(emulated: Emulated) -> DynamoDBBuildStates:
    return DynamoDBBuildStates(emulated.client("dynamodb"), emulated.outputs["TableName"])


def test_a_build_is_held_committed_tested_and_forgotten(states: DynamoDBBuildStates) -> None:
    hold = states.hold(ENV, ORDERS, "first")
    assert hold == Hold(ORDERS, 1, BuildState(ORDERS))
    refused = states.hold(ENV, ORDERS, "second")
    assert isinstance(refused, BuildState)
    assert (refused.holder, refused.fence) == ("first", 1)
    taken = states.hold(ENV, ORDERS, "second", instead_of="first")
    assert isinstance(taken, Hold)
    assert (taken.fence, taken.before.holder) == (2, "first")
    state = BuildState(
        ORDERS, version="1.1.2", seen={"a": "1"}, built_at=NOON, pending=frozenset({"t", "u"}), fence=2
    )
    assert not states.commit(ENV, BuildState(ORDERS, version="1.1.1", fence=1))
    assert states.commit(ENV, state)
    assert states.commit(ENV, state), "asked again"
    assert states.test_ended(ENV, ORDERS, "1.1.2", "t", passed=True)
    assert states.test_ended(ENV, ORDERS, "1.1.2", "u", passed=False)
    assert not states.test_ended(ENV, ORDERS, "1.1.1", "u", passed=False)
    found = states.read(ENV, [ORDERS, "model.shop.nobody"])
    assert set(found) == {ORDERS}
    assert (found[ORDERS].pending, found[ORDERS].failed) == ({"u"}, {"u"})
    assert states.forget(ENV, ORDERS, "1.1.2")
    assert not states.forget(ENV, ORDERS, "1.1.2")


def test_of_many_at_once_one_holds(states: DynamoDBBuildStates) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: states.hold(ENV, "model.shop.one", f"holder {n}"), range(24)))
    assert sum(isinstance(one, Hold) for one in found) == 1


def test_syncs_and_observations_are_remembered(emulated: Emulated) -> None:
    freshness = DynamoDBFreshness(emulated.client("dynamodb"), emulated.outputs["TableName"])
    first, second = (Sync("fivetran", "abc", "stripe", str(n), NOON + n) for n in (1, 2))
    for sync in (second, first, second):
        freshness.record_sync(sync)
    assert freshness.syncs() == {"fivetran/abc": second}
    assert freshness.syncs_since(NOON) == [first, second]
    seen = Observation("source.shop.raw.a", NOON, NOON + 0.5)
    freshness.observe(ENV, [seen])
    assert freshness.observations(ENV) == {"source.shop.raw.a": seen}
