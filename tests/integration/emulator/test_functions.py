"""Lambda, held to AWS: environment, layers, errors, dead letters."""

import json
import time

from tests.integration.emulated import CANARY, EMULATORS_CANARY, Emulated, wait_for


def test_a_lambda_sees_its_own_environment_and_nothing_of_ours(emulated: Emulated) -> None:
    _, seen = emulated.invoke(action="environment")
    variables = seen["variables"]
    assert variables["TABLE"] == emulated.outputs["TableName"]
    assert variables["AWS_ENDPOINT_URL"] == emulated.endpoint
    assert variables["AWS_REGION"] == "us-east-1"
    assert not {
        CANARY,
        EMULATORS_CANARY,
        "PYTHONPATH",
        "GATEWAY_PORT",
        "STATE_DIR",
        "HEADGATE_LOCAL_STATE",
    } & set(variables)


def test_a_lambda_for_another_python_runs_on_ours_with_its_layer(emulated: Emulated) -> None:
    _, seen = emulated.invoke(action="environment")
    assert seen["python"] == str(emulated.places.emulator_python)
    assert seen["greeting"] == "from the layer"


def test_a_raising_lambda_names_its_class_and_stays_warm(emulated: Emulated) -> None:
    _, before = emulated.invoke(action="process")
    error, failure = emulated.invoke(action="raise")
    _, after = emulated.invoke(action="process")
    assert error == "Unhandled"
    assert failure["errorType"] == "UnknownSelectorError"
    assert failure["errorMessage"] == "no such node"
    assert before["pid"] == after["pid"]


def test_an_event_that_nobody_could_handle_waits_as_it_came(emulated: Emulated) -> None:
    event = {"action": "raise", "mark": str(time.time_ns())}
    emulated.client("lambda").invoke(
        FunctionName=emulated.outputs["EchoArn"], InvocationType="Event", Payload=json.dumps(event)
    )
    url = emulated.outputs["SeenQueueUrl"]
    assert wait_for(lambda: [m for m in emulated.messages(url) if m.get("action") == "raise"]) == [event]


def test_packages_are_unpacked_once(emulated: Emulated) -> None:
    emulated.invoke(action="process")
    unpacked = emulated.places.build / "unpacked"
    before = {folder.name for folder in unpacked.iterdir()}
    emulated.client("lambda").update_function_configuration(
        FunctionName=emulated.outputs["EchoArn"], Timeout=11
    )
    emulated.invoke(action="process")
    assert before == {folder.name for folder in unpacked.iterdir()}
    assert len(before) >= 2  # a function and the layer


def test_a_warm_lambda_answers_quickly(emulated: Emulated) -> None:
    took = []
    for _ in range(20):
        start = time.monotonic()
        emulated.invoke(action="process")
        took.append(time.monotonic() - start)
    assert min(took) < 0.045  # stock: 50 ms of waiting for a log line alone
