"""dbt's log as it really comes: events with results, other events, and lines that are no events at all."""

import json
from typing import Any

import pytest

from headgate_runner.command_engine.json_log import LogLine, Said, read_line


def event(name: str, level: str = "debug", data: dict[str, Any] | None = None, **info: Any) -> str:
    known = {"name": name, "level": level, "msg": f"{name} happened", "invocation_id": "i-1", "ts": "T1"}
    return json.dumps({"info": known | info, "data": data or {}})


FINISHED = {
    "node_info": {
        "unique_id": "model.mini.a",
        "node_relation": {"relation_name": '"mini"."main"."a"'},
        "node_status": "success",
    },
    "run_result": {
        "status": "success",
        "message": "SELECT 3",
        "execution_time": 0.125,
        "adapter_response": {"rows_affected": 3},
        "thread": "Thread-1 (worker)",
        "timing_info": [{"name": "execute", "started_at": "a", "completed_at": "b"}],
    },
}


def test_a_finished_node_becomes_its_object_of_run_results() -> None:
    line = read_line(event("NodeFinished", data=FINISHED))
    assert line.node == "model.mini.a"
    assert not line.is_shown
    assert line.result == {
        "unique_id": "model.mini.a",
        "status": "success",
        "message": "SELECT 3",
        "execution_time": 0.125,
        "adapter_response": {"rows_affected": 3},
        "thread_id": "Thread-1 (worker)",
        "timing": [{"name": "execute", "started_at": "a", "completed_at": "b"}],
        "failures": None,
        "relation_name": '"mini"."main"."a"',
        "compiled": None,
        "compiled_code": None,
        "batch_results": None,
    }


@pytest.mark.parametrize("name", ["NodeStart", "LogModelResult", "LogTestResult"])
def test_no_other_event_is_a_result(name: str) -> None:
    assert read_line(event(name, data=FINISHED)).result is None


def test_a_finished_node_without_a_status_is_no_result() -> None:
    assert read_line(event("NodeFinished", data={**FINISHED, "run_result": {}})).result is None


@pytest.mark.parametrize(
    ("level", "shown"), [("debug", False), ("info", True), ("warn", True), ("warning", True), ("error", True)]
)
def test_what_a_person_reads(level: str, shown: bool) -> None:
    assert read_line(event("StatsLine", level)).is_shown is shown
    assert not read_line(event("Formatting", level, msg="  ")).is_shown


@pytest.mark.parametrize(
    "text",
    [
        "Traceback (most recent call last):\n",
        "{'not': json}",
        '{"info": 3}',
        '{"info": {"name": "A"}}',
        "[1, 2]",
        "null",
        "[" * 5_000,
        '{"info": {"name": "NodeFinished", "level": "info"}, "data": {"node_info": "gone", "run_result": 1}}',
    ],
)
def test_a_line_that_is_no_event_is_text(text: str) -> None:
    assert read_line(text) == LogLine("info", text.rstrip(), is_event=False)


def test_the_version_is_told_by_one_event_only() -> None:
    assert read_line(event("MainReportVersion", data={"version": "=1.10.23"})).version == "1.10.23"
    assert read_line(event("StateCheckVarsHash", data={"version": "1.10.23"})).version == ""


def test_why_dbt_could_not_go_on_is_its_last_errors_and_otherwise_its_last_text() -> None:
    said = Said()
    for text in (event("A"), "Usage: dbt build\n", "Error: No such option: --nope\n"):
        said.hear(read_line(text))
    assert said.last == "Usage: dbt build\nError: No such option: --nope"
    said.hear(
        read_line(event("MainEncounteredError", "error", msg="Encountered an error:\nRuntime Error\n  x"))
    )
    assert said.last == "Runtime Error\n  x"
    assert said.invocation == "i-1"
