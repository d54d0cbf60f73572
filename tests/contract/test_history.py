"""History: predictions follow the latest builds and are not spoiled by a single one."""

from typing import Any

import pytest

from headgate.domain.prediction import build_key

MANY = [f"model.shop.m{number}" for number in range(230)]


def test_nothing_is_predicted_for_what_was_never_built(world: Any) -> None:
    assert world.history.predictions("production", ["a", "b"]) == {}


def test_one_build_is_the_prediction(world: Any) -> None:
    world.history.learn("production", {"a": 12.5, "b": 0.25})
    assert world.history.predictions("production", ["a", "a", "c"]) == {"a": pytest.approx(12.5)}


def test_later_builds_weigh_three_tenths_by_factors(world: Any) -> None:
    world.history.learn("production", {"a": 10.0})
    world.history.learn("production", {"a": 1000.0})
    assert world.history.predictions("production", ["a"])["a"] == pytest.approx(10 * 100**0.3)


def test_no_time_at_all_is_a_short_time(world: Any) -> None:
    world.history.learn("production", {"a": 0.0})
    assert 0 < world.history.predictions("production", ["a"])["a"] < 0.01


def test_environments_learn_apart(world: Any) -> None:
    world.history.learn("production", {"a": 10.0})
    assert world.history.predictions("ci", ["a"]) == {}


def test_each_way_of_building_a_node_is_learned_apart(world: Any) -> None:
    node = "model.shop.a"
    usual = build_key(node, "incremental", full_refresh=False)
    full = build_key(node, "incremental", full_refresh=True)
    table = build_key(node, "table", full_refresh=True)
    assert len({usual, full, table, build_key(node, "table", full_refresh=False)}) == 3
    world.history.learn("production", {usual: 2.0, full: 300.0})
    assert world.history.predictions("production", [usual, full, table]) == {
        usual: pytest.approx(2.0),
        full: pytest.approx(300.0),
    }


def test_many_nodes_are_learned_and_read_back(world: Any) -> None:
    world.history.learn("production", {node: 1.0 + index for index, node in enumerate(MANY)})
    for asked in (MANY[:100], MANY[:101], MANY):
        found = world.history.predictions("production", [*asked, "unknown"])
        assert found == {node: pytest.approx(1.0 + index) for index, node in enumerate(asked)}
