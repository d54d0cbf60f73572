"""statemachine/run.asl.yaml read as data: names, time limits, and its agreement with template.yaml and errors.py."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from headgate import errors
from tests.template.cloudformation import ROOT, function_folders, pascal_case, template

TEXT = (ROOT / "statemachine" / "run.asl.yaml").read_text()
DEFINITION = yaml.safe_load(TEXT)
MACHINE = template().of_type("AWS::Serverless::StateMachine")["RunMachine"]
FUNCTIONS = template().of_type("AWS::Serverless::Function")
AWS_ERRORS = re.compile(r"^(States|Lambda|Runtime|Sandbox|ECS|AmazonECS)\.\w+$")


def states(definition: Mapping[str, Any] = DEFINITION) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


STATES = dict(states())
LAMBDAS = {
    name: state for name, state in STATES.items() if state.get("Resource", "").endswith("lambda:invoke")
}


def test_a_state_that_calls_a_function_has_the_functions_name() -> None:
    assert set(LAMBDAS) == {"PlanRun", "FinalizeRun"}
    for name, state in LAMBDAS.items():
        assert name in {pascal_case(verb) for verb in function_folders()}
        assert state["Arguments"]["FunctionName"] == f"${{{name}FunctionArn}}"
        assert MACHINE["DefinitionSubstitutions"][f"{name}FunctionArn"] == f"{name}Function.Arn"


def test_what_the_definition_asks_for_is_what_the_template_gives() -> None:
    asked = set(re.findall(r"\$\{(\w+)\}", TEXT))
    assert asked == set(MACHINE["DefinitionSubstitutions"])


def test_every_task_and_the_machine_have_a_time_limit() -> None:
    assert DEFINITION["TimeoutSeconds"] == "${RunTimeoutSeconds}"
    for name, state in STATES.items():
        assert ("TimeoutSeconds" in state) == (state["Type"] == "Task"), name


@pytest.mark.parametrize("name", sorted(LAMBDAS))
def test_a_state_waits_longer_than_its_function_can_take(name: str) -> None:
    assert LAMBDAS[name]["TimeoutSeconds"] > FUNCTIONS[f"{name}Function"]["Timeout"]


def test_every_error_by_name_exists() -> None:
    ours = {
        name for name, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, Exception)
    }
    named = {
        error
        for state in STATES.values()
        for handler in [*state.get("Retry", []), *state.get("Catch", [])]
        for error in handler["ErrorEquals"]
    }
    assert "UnavailableError" in named
    assert not {error for error in named if error not in ours and not AWS_ERRORS.match(error)}


def test_every_repetition_is_bounded_and_spread() -> None:
    for state in STATES.values():
        for retrier in state.get("Retry", []):
            assert 1 <= retrier["MaxAttempts"] <= 6
            assert retrier["BackoffRate"] > 1
            assert retrier["JitterStrategy"] == "FULL"


def test_every_way_back_to_a_runner_is_counted_and_bounded() -> None:
    ways = STATES["JudgeTheEnd"]["Choices"]
    assert {way["Next"] for way in ways} == {"WaitToStartAgain"}
    for way in ways:
        (counter,) = re.findall(r"states\.input\.(\w+)(?: \+ 1)? <", way["Condition"])
        assert STATES["RunNodes"]["ItemSelector"][counter] == 0
        assert f"'{counter}': $states.input.{counter} + 1" in way["Output"]
    assert "Retry" not in STATES["RunRunner"], "an end has its rule in JudgeTheEnd, and is counted there"


def test_services_that_stumble_are_asked_again() -> None:
    retrier, died = STATES["PlanRun"]["Retry"]
    assert {"Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"} == set(
        died["ErrorEquals"]
    )
    assert {
        "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException", "UnavailableError",
    } == set(retrier["ErrorEquals"])  # fmt: skip


def test_a_failure_anywhere_before_the_record_leads_to_the_record() -> None:
    for name in ("PlanRun", "RunNodes"):
        (catcher,) = STATES[name]["Catch"]
        assert (catcher["ErrorEquals"], catcher["Next"]) == (["States.ALL"], "FinalizeRun")
        assert set(catcher["Output"]) == {"run_id", "step", "error"}
    assert "Catch" not in STATES["FinalizeRun"], (
        "what cannot be recorded here reaches the rule on failed executions"
    )


def test_a_lost_runner_is_the_end_of_its_own_iteration_only() -> None:
    processor = STATES["RunNodes"]["ItemProcessor"]
    assert processor["ProcessorConfig"] == {"Mode": "INLINE"}
    (catcher,) = processor["States"]["RunRunner"]["Catch"]
    assert (catcher["ErrorEquals"], catcher["Next"]) == (["States.ALL"], "NameTheEnd")
    assert processor["States"]["JudgeTheEnd"]["Default"] == "RunnerLost"
    assert "ToleratedFailurePercentage" not in STATES["RunNodes"]


def test_all_runners_of_a_step_run_at_once() -> None:
    assert STATES["RunNodes"]["MaxConcurrency"] == 40


def test_the_container_is_the_one_that_the_template_defines() -> None:
    (override,) = STATES["RunRunner"]["Arguments"]["Overrides"]["ContainerOverrides"]
    (definition,) = template().of_type("AWS::ECS::TaskDefinition").values()
    assert override["Name"] == definition["ContainerDefinitions"][0]["Name"]
    inherited = {variable["Name"] for variable in definition["ContainerDefinitions"][0]["Environment"]}
    added = {variable["Name"] for variable in override["Environment"]}
    assert added == {"HEADGATE_RUN_ID", "HEADGATE_STEP", "HEADGATE_RUNNER"}
    assert not inherited & added


def test_every_state_can_be_reached_and_every_way_leads_somewhere() -> None:
    def targets(state: Mapping[str, Any]) -> Iterator[str]:
        for choice in [state, *state.get("Choices", []), *state.get("Catch", [])]:
            yield from (choice[key] for key in ("Next", "Default") if key in choice)

    machines = [DEFINITION, *(s["ItemProcessor"] for s in STATES.values() if "ItemProcessor" in s)]
    for machine in machines:
        reached = {machine["StartAt"], *(t for state in machine["States"].values() for t in targets(state))}
        assert reached == set(machine["States"])


def test_only_the_record_of_the_end_ends_the_machine_well() -> None:
    assert [name for name, state in STATES.items() if state["Type"] == "Succeed"] == ["Done"]
    assert not [name for name, state in STATES.items() if state["Type"] == "Fail"]
    assert "Output" not in STATES["Done"], "not every interpreter evaluates it there"


def test_the_end_of_an_execution_that_went_wrong_is_told_to_finalize_run() -> None:
    rule = template().of_type("AWS::Events::Rule")["RunMachineEndedRule"]
    assert "EventBusName" not in rule, "Step Functions reports to the account's own bus"
    assert rule["EventPattern"]["source"] == ["aws.states"]
    assert rule["EventPattern"]["detail"] == {
        "stateMachineArn": ["RunMachine"],
        "status": ["FAILED", "TIMED_OUT", "ABORTED"],
    }
    assert [target["Arn"] for target in rule["Targets"]] == ["FinalizeRunFunction.Arn"]


def test_everything_the_machine_does_is_logged_without_its_data() -> None:
    assert MACHINE["Logging"]["Level"] == "ALL"
    assert MACHINE["Logging"]["IncludeExecutionData"] is False
