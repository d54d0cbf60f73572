"""Slots: never more holders than places, whoever asks at once and however often an answer is lost."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from headgate.adapters.aws.dynamodb_slots import DynamoDBSlots
from headgate.ports import Slots
from tests.contract.conftest import MotoStage
from tests.faults import Interrupted

POOL = ("production", "wh_large")


@pytest.fixture
def slots(world: Any) -> Slots:
    return world.slots  # type: ignore[no-any-return]


def test_a_pool_has_as_many_places_as_its_limit(slots: Slots) -> None:
    assert [slots.take(*POOL, holder, 2) for holder in ("a", "b", "c")] == [True, True, False]
    assert sorted(slots.holders(*POOL)) == ["a", "b"]
    slots.give_back(*POOL, ["a"])
    assert slots.take(*POOL, "c", 2)
    assert sorted(slots.holders(*POOL)) == ["b", "c"]


def test_taking_twice_is_holding_once(slots: Slots) -> None:
    assert [slots.take(*POOL, "a", 1) for _ in range(3)] == [True, True, True]
    assert slots.holders(*POOL) == ["a"]
    slots.give_back(*POOL, ["a"])
    assert slots.holders(*POOL) == []


def test_giving_back_what_is_not_held_changes_nothing(slots: Slots) -> None:
    slots.give_back(*POOL, ["nobody"])
    slots.give_back(*POOL, [])
    assert slots.holders(*POOL) == []
    slots.take(*POOL, "a", 1)
    slots.give_back(*POOL, ["b", "nobody"])
    slots.give_back(*POOL, [])
    assert slots.holders(*POOL) == ["a"]


def test_a_limit_that_was_lowered_binds_whoever_comes_next(slots: Slots) -> None:
    assert all(slots.take(*POOL, holder, 3) for holder in "abc")
    assert not slots.take(*POOL, "d", 2)
    assert slots.take(*POOL, "a", 2), "it holds a place already"
    slots.give_back(*POOL, ["a", "b"])
    assert slots.take(*POOL, "d", 2)


def test_a_pool_without_places_takes_nobody(slots: Slots) -> None:
    assert not slots.take(*POOL, "a", 0)
    assert slots.holders(*POOL) == []


def test_pools_and_environments_are_apart(slots: Slots) -> None:
    assert slots.pools("production") == []
    assert slots.take(*POOL, "a", 1)
    assert slots.take("production", "warehouse", "a", 1)
    assert slots.take("staging", "wh_large", "b", 1)
    assert sorted(slots.pools("production")) == ["warehouse", "wh_large"]
    assert (slots.holders(*POOL), slots.holders("staging", "wh_large")) == (["a"], ["b"])
    slots.give_back(*POOL, ["a"])
    assert slots.pools("production") == ["warehouse"]


def test_many_holders_are_given_back_at_once(slots: Slots) -> None:
    holders = [f"7#1#1#1#model.shop.m{number}" for number in range(230)]
    for holder in holders:
        assert slots.take(*POOL, holder, 500)
    slots.give_back(*POOL, holders[:-1])
    assert slots.holders(*POOL) == holders[-1:]


def test_of_a_hundred_takers_at_once_never_more_than_the_limit_hold(slots: Slots) -> None:
    def turn(number: int) -> int:
        holder = f"holder {number}"
        while not slots.take(*POOL, holder, 8):
            pass
        held = len(slots.holders(*POOL))
        slots.give_back(*POOL, [holder])
        return held

    with ThreadPoolExecutor(16) as pool:
        most = max(pool.map(turn, range(100)))
    assert most <= 8
    assert slots.holders(*POOL) == []


@pytest.mark.parametrize("after", [False, True])
def test_a_take_without_an_answer_may_be_asked_for_again(moto: MotoStage, after: bool) -> None:
    slots = DynamoDBSlots(Interrupted(boto3.client("dynamodb"), after=after), "headgate-table")  # type: ignore[arg-type]
    with pytest.raises(Exception, match="connection"):
        slots.take(*POOL, "a", 1)
    assert slots.take(*POOL, "a", 1)
    assert not slots.take(*POOL, "b", 1)
    slots.give_back(*POOL, ["a"])
    assert slots.take(*POOL, "b", 1)
