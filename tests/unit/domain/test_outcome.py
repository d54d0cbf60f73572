"""What a failure keeps from being built."""

import pytest

from headgate.domain.command import Command
from headgate.domain.outcome import held_back
from headgate.domain.plan import Plan, PlannedNode


def node(name: str, *parents: str, unit_tests: tuple[str, ...] = ()) -> PlannedNode:
    return PlannedNode(name, "model", "table", parents, 1.0, 1.0, unit_tests)


PLAN = Plan(
    run_id=1,
    step=1,
    command=Command("build"),
    bundle="b",
    environment="production",
    nodes=(node("a"), node("b", "a", unit_tests=("unit_test.b.x",)), node("c", "b"), node("d", "a", "c")),
    runners=1,
    threads=4,
)


@pytest.mark.parametrize(
    ("failed", "expected"),
    [("a", {"b", "c", "d"}), ("b", {"c", "d"}), ("d", set()), ("unit_test.b.x", {"b", "c", "d"})],
)
def test_a_failure_holds_back_what_is_below_and_a_unit_test_its_model_too(
    failed: str, expected: set[str]
) -> None:
    assert held_back(PLAN, failed) == expected
