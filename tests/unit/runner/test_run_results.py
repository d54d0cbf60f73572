"""dbt's results survive the way through a record: what comes back is what went in."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from dbt.artifacts.schemas.results import RunStatus, TestStatus, TimingInfo
from dbt.artifacts.schemas.run import RunResult
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import CompiledNode
from dbt.node_types import NodeType
from dbt.task.printer import interpret_run_result
from dbt.task.runnable import GraphRunnableTask

from headgate.domain.command import Command
from headgate.domain.decision import Action, Decision, Reason
from headgate.domain.plan import Plan
from headgate.domain.results import NodeResult
from headgate_runner import run_results
from headgate_runner.redaction import Redactor


class Node(CompiledNode):  # type: ignore[misc]
    """A node with only what results look at."""

    def __init__(self, unique_id: str, resource_type: str = "model", ephemeral: bool = False) -> None:
        self.unique_id, self.resource_type = unique_id, resource_type
        self.compiled, self.compiled_code, self.relation_name = False, None, '"a"."b"'
        self._ephemeral = ephemeral

    @property
    def is_ephemeral_model(self) -> bool:
        return self._ephemeral


def manifest_of(*nodes: Node) -> Manifest:
    manifest = Manifest()
    for node in nodes:
        (manifest.unit_tests if node.resource_type == "unit_test" else manifest.nodes)[node.unique_id] = node
    return manifest


def result_of(node: Node, status: Any, ended: str = "2026-11-22T20:00:02", **fields: Any) -> RunResult:
    timing = TimingInfo.from_dict(
        {"name": "execute", "started_at": "2026-11-22T20:00:00Z", "completed_at": f"{ended}Z"}
    )
    given = {"message": "CREATE VIEW", "failures": 3, "adapter_response": {"code": "CREATE VIEW"}, **fields}
    return RunResult(status, [timing], "Thread-1", 1.5, node=node, **given)


@pytest.mark.parametrize(
    ("node", "status"),
    [
        (Node("model.shop.a"), RunStatus.Success),
        (Node("model.shop.a"), RunStatus.PartialSuccess),
        (Node("test.shop.a", "test"), TestStatus.Fail),
        (Node("unit_test.shop.a.b", "unit_test"), TestStatus.Pass),
        (Node("test.shop.a", "test"), TestStatus.Skipped),
    ],
)
def test_a_result_comes_back_as_it_was(node: Node, status: Any) -> None:
    node.compiled, node.compiled_code = True, "select 1"
    result = result_of(node, status)
    record = run_results.to_record(result, 2, Redactor())
    stored = NodeResult.from_entry(json.loads(json.dumps(record.entry)), record.runner)

    back = run_results.from_record(stored, manifest_of(node))
    assert back == result
    assert type(back.status) is type(status)


def test_a_record_holds_no_secret() -> None:
    node = Node("model.shop.a")
    node.compiled, node.compiled_code = True, "select 's3cret'"
    record = run_results.to_record(
        result_of(node, RunStatus.Error, message="no s3cret"), 1, Redactor(["s3cret"])
    )
    assert "s3cret" not in json.dumps(record.entry)


def test_what_others_built_is_added_in_the_order_in_which_it_ended() -> None:
    mine, late, early, half = (Node(f"model.shop.{name}") for name in ("mine", "late", "early", "half"))
    half._ephemeral = True
    manifest = manifest_of(mine, late, early, half)
    own = [result_of(mine, RunStatus.Success)]
    records = [
        NodeResult.from_entry(
            {
                "unique_id": node.unique_id,
                "status": "success",
                "timing": [{"name": "execute", "completed_at": f"2026-11-22T20:00:{second}Z"}],
                "compiled": True,
                "compiled_code": f"select '{node.unique_id}'",
            },
            2,
        )
        for node, second in ((late, 30), (mine, 20), (early, 10), (half, 15))
    ]
    stranger = NodeResult.from_entry({"unique_id": "step.opening", "status": "skipped"}, 2)

    run_results.add_others(own, [*records, stranger], manifest)

    assert [result.node.unique_id for result in own] == [
        "model.shop.mine",
        "model.shop.early",
        "model.shop.late",
    ]
    assert (early.compiled, early.compiled_code) == (True, "select 'model.shop.early'")
    assert (mine.compiled, mine.compiled_code) == (False, None)


def test_a_unit_test_that_another_runner_compiled_shows_its_code_to_hooks() -> None:
    definition = SimpleNamespace(
        unique_id="unit_test.shop.a.b", resource_type="unit_test", is_ephemeral_model=False
    )
    manifest = manifest_of(definition)  # type: ignore[arg-type]
    entry = {
        "unique_id": definition.unique_id,
        "status": "pass",
        "compiled": True,
        "compiled_code": "select 1",
    }
    own: list[RunResult] = []

    run_results.add_others(own, [NodeResult.from_entry(entry, 2)], manifest)

    assert own[0].node.compiled_code == "select 1"
    assert not hasattr(definition, "compiled_code")


def test_the_invocation_keeps_what_a_retry_needs_and_nothing_of_this_process() -> None:
    flags = SimpleNamespace(which="build", select=(), vars={"DBT_ENV_SECRET_X": "hush"}, write_json=False)
    command = Command(
        "build", select=("tag:finance+",), exclude=("a b",), full_refresh=True, vars='{"day": 1}'
    )
    plan = Plan(1, 1, command, "b", "production", (), 1, 4, fail_fast=True)
    found = json.loads(run_results.invocation(flags, plan, 12.5))

    assert found["metadata"]["dbt_schema_version"].endswith("/run-results/v6.json")
    assert found["elapsed_time"] == 12.5
    assert found["args"]["select"] == ["tag:finance+"]
    assert found["args"]["exclude"] == ["a b"]
    assert "write_json" not in found["args"]
    assert found["args"]["fail_fast"] is True
    assert found["args"]["invocation_command"] == (
        "dbt build --full-refresh --select tag:finance+ --exclude 'a b' --vars '{\"day\": 1}'"
    )
    assert "hush" not in json.dumps(found)


@pytest.mark.parametrize(
    ("resource_type", "status", "expected"),
    [
        (NodeType.Model, "reused", RunStatus.NoOp),
        (NodeType.Test, "reused", TestStatus.Pass),
        (NodeType.Test, "warn", TestStatus.Warn),
    ],
)
def test_what_was_reused_fails_no_invocation_and_has_a_word_that_dbt_knows(
    resource_type: NodeType, status: str, expected: Any
) -> None:
    decision = Decision(Action.REUSE, Reason.NO_NEW_DATA, "nothing new", status=status)
    result = run_results.reused(SimpleNamespace(resource_type=resource_type), decision)
    assert (result.status, result.message) == (expected, "no_new_data: nothing new")
    assert GraphRunnableTask.interpret_results([result])
    assert interpret_run_result(result) in ("noop", "pass", "warn")
