"""What the next attempt of a step has to build: everything that has not succeeded."""

from headgate.domain.command import Command
from headgate.domain.plan import Plan, PlannedNode
from headgate.domain.results import NodeResult
from headgate_runner.command_engine.remaining import is_done, remaining

NODES = tuple(
    PlannedNode(f"model.{name}", "model", "table", (), 1.0, 1.0, (f"unit_test.{name}",)) for name in "abcd"
)
PLAN = Plan(1, 1, Command("build"), "b", "production", NODES, 1, 4)


def result(unique_id: str, status: str) -> NodeResult:
    return NodeResult.from_entry({"unique_id": unique_id, "status": status}, 1)


def test_only_successes_are_not_built_again() -> None:
    results = [
        result("model.a", "success"),
        result("unit_test.a", "pass"),
        result("model.b", "error"),
        result("unit_test.b", "warn"),
        result("model.c", "skipped"),
        result("unit_test.c", "fail"),
        result("operation.hook", "success"),
        result("model.d", "partial success"),
    ]
    assert remaining(PLAN, results) == {"model.b", "model.c", "unit_test.c", "model.d", "unit_test.d"}


def test_an_interrupted_node_is_not_done() -> None:
    assert is_done({"status": "success"})
    assert is_done({"status": "no-op"})
    assert not is_done({"status": "error"})
    assert not is_done({"status": "skipped"})
