"""Fields of states that ministack reads differently from AWS.

``TimeoutSeconds`` and ``HeartbeatSeconds`` may be JSONata expressions on a Task, and a JSONata Succeed state
has an ``Output``; ministack compares the first with numbers as text and ignores the second.
"""

from typing import Any

from ministack.services import stepfunctions as states

from headgate_local.emulator.anchors import anchor

SECONDS = ("TimeoutSeconds", "HeartbeatSeconds")


def install() -> None:
    task = anchor(states, "_execute_task")
    output_path = anchor(states, "_apply_output_path", "state_def", "data", "ctx")
    anchor(states, "_jsonata_state_field", "state_def", "field", "expected", "raw_input", "ctx")

    def task_with_evaluated_seconds(state: dict[str, Any], raw: Any, execution: Any, ctx: Any) -> Any:
        expressions = [name for name in SECONDS if isinstance(state.get(name), str)]
        values = {name: states._jsonata_state_field(state, name, "number", raw, ctx) for name in expressions}
        return task({**state, **values}, raw, execution, ctx)

    def output_of_succeed(state: dict[str, Any], data: Any, ctx: Any = None) -> Any:
        if state.get("Type") == "Succeed" and states._state_query_language(state, ctx) == "JSONata":
            return states._apply_jsonata_output(state, data, ctx, default=data)
        return output_path(state, data, ctx)

    states._execute_task = task_with_evaluated_seconds
    states._apply_output_path = output_of_succeed
