"""No process of the local stack sees the person's own variables."""

import os
from pathlib import Path

import pytest

from headgate_local.emulator.__main__ import refusals
from headgate_local.emulator.runner_process import argument_list, runner_environment
from headgate_local.environment import (
    client_environment,
    emulator_environment,
    local_environment,
    scrubbed,
)
from headgate_local.errors import LocalStackError
from headgate_local.local_file import LocalStack, WarehouseAddress, write_local_file
from headgate_local.parts import PartState, PartStatus, Report, write_report
from headgate_local.places import Places
from headgate_local.processes import ProcessIdentity

SHELL = {
    "PATH": "/usr/bin",
    "HOME": "/home/me",
    "LANG": "C.UTF-8",
    "AWS_ACCESS_KEY_ID": "AKIAREALKEY",
    "AWS_SESSION_TOKEN": "real",
    "AWS_PROFILE": "production",
    "GITHUB_TOKEN": "real",
    "DOCKER_HOST": "tcp://127.0.0.1:1",
}
PLACES = Places(Path("/project"))


def test_only_four_variables_of_the_machine_pass() -> None:
    assert scrubbed(SHELL, OURS="1") == {
        "PATH": "/usr/bin",
        "HOME": "/home/me",
        "LANG": "C.UTF-8",
        "OURS": "1",
    }


def test_the_emulator_gets_dummy_credentials_and_listens_to_this_machine_only() -> None:
    environment = emulator_environment(PLACES, 4566, SHELL)
    assert "real" not in environment.values()
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert environment["BIND_HOST"] == "127.0.0.1"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert environment["DOCKER_HOST"].startswith("unix:///project/.headgate/")
    assert refusals(environment) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"BIND_HOST": "0.0.0.0"}, "BIND_HOST"),  # noqa: S104
        ({"IOT_MTLS_ENABLED": "1"}, "IOT_MTLS_ENABLED"),
        ({"AWS_ACCESS_KEY_ID": "AKIAREALKEY"}, "AWS_ACCESS_KEY_ID"),
        ({"AWS_ENDPOINT_URL": "https://dynamodb.us-east-1.amazonaws.com"}, "loopback"),
        ({"AWS_PROFILE": "production"}, "profile"),
    ],
)
def test_the_emulator_refuses_a_dangerous_environment(change: dict[str, str], word: str) -> None:
    (line,) = refusals(emulator_environment(PLACES, 4566, SHELL) | change)
    assert word in line


def test_a_runner_gets_what_ecs_would_give_it() -> None:
    declared = {
        "HEADGATE_RUN_ID": "7",
        "ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:4566/v4/x",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:4566/v2/x",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x",
        "AWS_ENDPOINT_URL": "http://elsewhere",
    }
    emulator = emulator_environment(PLACES, 4566, SHELL)
    environment = runner_environment(declared, emulator, "/project/.venv/bin")
    assert environment == {
        "PATH": "/project/.venv/bin:/usr/bin",
        "HOME": "/home/me",
        "LANG": "C.UTF-8",
        "TMPDIR": "/project/.headgate/tmp",
        "HEADGATE_RUN_ID": "7",
        "ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:4566/v4/x",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.mark.parametrize(
    ("entry_point", "command", "expected"),
    [
        (None, None, ["headgate-runner"]),
        (None, ["--verbose"], ["headgate-runner", "--verbose"]),
        (None, ["headgate-runner"], ["headgate-runner"]),
        (["python", "-c"], ["pass"], ["python", "-c", "pass"]),
    ],
)
def test_a_container_starts_with_its_entry_point(
    entry_point: list[str] | None, command: list[str] | None, expected: list[str]
) -> None:
    assert argument_list(entry_point, command) == expected


def test_a_client_is_told_the_stack_by_environment() -> None:
    stack = LocalStack(
        url="http://127.0.0.1:8081",
        endpoint="http://127.0.0.1:4567",
        warehouse=WarehouseAddress("127.0.0.1", 5433, "u", "p", "d"),
        started_at="2026-01-01T00:00:00+00:00",
        outputs={"TableName": "t", "BusName": "b", "ApiId": "a"},
    )
    environment = client_environment(stack)
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4567"
    assert environment["HEADGATE_TABLE"] == "t"
    assert environment["HEADGATE_BUS"] == "b"
    assert environment["HEADGATE_CONSOLE_URL"] == "http://127.0.0.1:8081"
    assert "HEADGATE_BUCKET" not in environment
    assert environment["AWS_SECRET_ACCESS_KEY"] == "test"


def test_a_stack_that_is_not_running_any_more_is_not_taken_for_one(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.make()
    warehouse = WarehouseAddress("127.0.0.1", 5433, "u", "p", "d")
    stack = LocalStack("http://127.0.0.1:8081", "http://127.0.0.1:4567", warehouse, "then")
    write_local_file(places.local_file, stack)
    me = ProcessIdentity.of(os.getpid())
    write_report(places.parts_file, Report(me, {}, {}))
    assert local_environment(tmp_path)["AWS_ENDPOINT_URL"] == stack.endpoint
    failed = PartStatus("emulator", PartState.FAILED, 1, 4567, "part 'emulator' ended")
    used_again = ProcessIdentity(me.pid, me.start_ticks + 1)
    write_report(places.parts_file, Report(used_again, {"emulator": failed}, {}))
    with pytest.raises(LocalStackError, match="part 'emulator' ended"):
        local_environment(tmp_path)


def test_without_a_stack_the_message_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="headgate local up"):
        local_environment(tmp_path)
