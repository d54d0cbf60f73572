"""Which results files of dbt are believed (F15), and what is kept of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.command import Command
from headgate.domain.plan import Plan, PlannedNode
from headgate_runner.command_engine.results import (
    ResultsMissingError,
    check_catalog,
    check_complete,
    expected_of,
    read_results,
    source_entry,
)

DOCUMENT: dict[str, Any] = {
    "metadata": {"invocation_id": "mine", "dbt_version": "1.10.23"},
    "args": {"which": "build", "target_path": "/somewhere", "full_refresh": False},
    "elapsed_time": 2.5,
    "results": [{"unique_id": "model.a", "status": "success"}],
}
WHOLE = json.dumps(DOCUMENT)


def node(unique_id: str, kind: str = "model", materialized: str = "table", *tests: str) -> PlannedNode:
    return PlannedNode(unique_id, kind, materialized, (), 1.0, 1.0, tests)


def plan_of(*nodes: PlannedNode, command: str = "dbt build") -> Plan:
    return Plan(1, 1, Command.parse(command), "b", "production", nodes, 1, 4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "left no run_results.json"),
        ("", "not whole"),
        (WHOLE[:-30], "not whole"),
        ("[]", "not whole"),
        ('{"results": []}', "not whole"),
        ('{"metadata": {"invocation_id": "mine"}, "results": null}', "not whole"),
        (WHOLE.replace("mine", "another"), "of another invocation, another instead of mine"),
    ],
    ids=["absent", "empty", "truncated", "no object", "without metadata", "without results", "another run's"],
)
def test_a_file_that_proves_nothing_is_refused(content: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "run_results.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ResultsMissingError, match=said):
        read_results(path, "mine")


def test_docs_are_there_only_with_the_catalog_of_this_invocation(tmp_path: Path) -> None:
    path = tmp_path / "catalog.json"
    with pytest.raises(ResultsMissingError, match=r"left no catalog\.json"):
        check_catalog(path, "mine")
    path.write_text(json.dumps({"metadata": DOCUMENT["metadata"], "nodes": {}}))
    check_catalog(path, "mine")
    with pytest.raises(ResultsMissingError, match="of another invocation"):
        check_catalog(path, "yours")


def test_a_node_without_a_result_is_not_done(tmp_path: Path) -> None:
    path = tmp_path / "run_results.json"
    path.write_text(WHOLE)
    results = read_results(path, "mine")
    check_complete({"model.a"}, results)
    with pytest.raises(ResultsMissingError, match=r"1 of the planned nodes: model\.b"):
        check_complete({"model.a", "model.b"}, results)


def test_expected_is_what_every_dbt_tells_about() -> None:
    plan = plan_of(
        node("model.a", "model", "table", "unit_test.a.x"),
        node("model.inlined", "model", "ephemeral"),
        node("exposure.report", "exposure", "exposure"),
        node("test.t", "test", "test"),
    )
    assert expected_of(plan) == {"model.a", "unit_test.a.x", "test.t"}


def test_the_step_keeps_the_arguments_of_its_own_command(tmp_path: Path) -> None:
    path = tmp_path / "run_results.json"
    path.write_text(WHOLE)
    kept = json.loads(read_results(path, "mine").invocation(plan_of(command="dbt build --select tag:a+")))
    assert kept["metadata"] == DOCUMENT["metadata"]
    assert kept["elapsed_time"] == 2.5
    assert kept["args"] == {
        "which": "build",
        "full_refresh": False,
        "select": ["tag:a+"],
        "exclude": [],
        "fail_fast": False,
        "invocation_command": "dbt build --select tag:a+",
    }


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"max_loaded_at": "T", "max_loaded_at_time_ago_in_s": 3 * 86_400.5}, "loaded 3 days ago, at T"),
        ({"max_loaded_at": "T", "max_loaded_at_time_ago_in_s": 3_700}, "loaded 1 hour ago, at T"),
        ({"max_loaded_at": "T", "max_loaded_at_time_ago_in_s": 12}, "loaded 12 seconds ago, at T"),
        ({"error": "no such table"}, "no such table"),
    ],
)
def test_a_source_says_how_old_its_data_is(entry: dict[str, Any], message: str) -> None:
    assert source_entry(entry) == {**entry, "message": message}
