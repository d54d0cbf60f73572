"""Step Functions, held to AWS: fan-out, errors by class, time limits."""

import json
import time
from typing import Any

from tests.integration.emulated import TAKES_ITS_TIME, Emulated, wait_for


def test_the_first_failing_iteration_ends_a_map_and_its_siblings(emulated: Emulated) -> None:
    before = emulated.runner_ids()
    code = "{% $states.input = 0 ? 'raise SystemExit(1)' : " + json.dumps(TAKES_ITS_TIME) + " %}"
    processor = {"StartAt": "R", "States": {"R": emulated.run_runner(code)}}
    definition = {
        "StartAt": "M",
        "States": {"M": {"Type": "Map", "Items": [1, 0], "ItemProcessor": processor, "End": True}},
    }
    start = time.monotonic()
    execution = emulated.start(emulated.machine(definition))
    ended = emulated.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    assert time.monotonic() - start < 10
    wait_for(lambda: not any(runner.is_running for runner in emulated.runner_ids() - before), 4)


def test_parallel_understands_jsonata_and_keeps_its_branches_apart(emulated: Emulated) -> None:
    def branch(value: int) -> dict[str, Any]:
        states = {
            "Set": {"Type": "Pass", "Assign": {"mine": value}, "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": 0, "Next": "Get"},
            "Get": {"Type": "Pass", "Output": "{% [$mine, $states.input.given] %}", "End": True},
        }
        return {"StartAt": "Set", "States": states}

    state = {
        "Type": "Parallel",
        "Arguments": {"given": "{% $states.input.x * 2 %}"},
        "Branches": [branch(1), branch(2)],
        "Output": {"all": "{% $states.result %}"},
        "End": True,
    }
    machine = emulated.machine({"StartAt": "P", "States": {"P": state}})
    ended = emulated.ended(emulated.start(machine, {"x": 21}))
    assert json.loads(ended["output"]) == {"all": [[1, 42], [2, 42]]}


def test_an_error_of_a_lambda_is_caught_by_its_class(emulated: Emulated) -> None:
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": emulated.outputs["EchoArn"], "Payload": {"action": "raise"}},
        "Catch": [
            {"ErrorEquals": ["UnknownSelectorError"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}
        ],
        "End": True,
    }
    states = {"Call": call, "Caught": {"Type": "Succeed", "Output": "{% $states.input.Error %}"}}
    ended = emulated.ended(emulated.start(emulated.machine({"StartAt": "Call", "States": states})))
    assert json.loads(ended["output"]) == "UnknownSelectorError"


def test_a_machine_has_a_time_limit_of_its_own(emulated: Emulated) -> None:
    definition = {
        "StartAt": "W",
        "TimeoutSeconds": 1,
        "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}},
    }
    assert emulated.ended(emulated.start(emulated.machine(definition)), 4)["status"] == "TIMED_OUT"
