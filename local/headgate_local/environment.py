"""Environments of the local stack's processes: none of them sees the person's own variables or credentials."""

import os
from collections.abc import Mapping
from pathlib import Path

from headgate.settings import variables_of
from headgate_local.errors import LocalStackError
from headgate_local.local_file import REGION, LocalStack, read_local_file
from headgate_local.parts import read_report
from headgate_local.places import Places

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
DUMMY_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def scrubbed(environment: Mapping[str, str], **ours: str) -> dict[str, str]:
    """Four variables of the machine and what we add; nothing else passes."""
    return {name: environment[name] for name in INHERITED if name in environment} | ours


def emulator_environment(places: Places, port: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """The emulator's whole environment. Its Lambdas and runners get still less, see ``emulator/``."""
    return scrubbed(inherited) | DUMMY_CREDENTIALS | {
        "TMPDIR": str(places.temporary),
        "PYTHONPATH": str(places.source),
        "PYTHONUNBUFFERED": "1",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "MINISTACK_WORKER_THREADS": "128",
        "DOCKER_HOST": f"unix://{places.state}/no-docker.sock",  # never look for a container engine
        "LOG_LEVEL": "WARNING",
        "PERSIST_STATE": "1",
        "S3_PERSIST": "1",
        "STATE_DIR": str(places.emulator / "state"),
        "S3_DATA_DIR": str(places.emulator / "s3"),
        "HEADGATE_LOCAL_STATE": str(places.state),
        "HEADGATE_LOCAL_RUNNER_BIN": str(places.bin_folder),
    }  # fmt: skip


def client_environment(stack: LocalStack) -> dict[str, str]:
    """The variables with which a process talks to this stack instead of AWS."""
    return DUMMY_CREDENTIALS | variables_of(stack.outputs) | {
        "AWS_ENDPOINT_URL": stack.endpoint,
        "HEADGATE_CONSOLE_URL": stack.url,
    }  # fmt: skip


def local_environment(project_root: Path) -> dict[str, str]:
    """The variables for the stack of this project.

    Raises LocalStackError when none is running here.
    """
    places = Places.of(project_root)
    stack, report = read_local_file(places.local_file), read_report(places.parts_file)
    if stack is None or report is None or not report.supervisor.is_running:
        why = f" ({report.failure})" if stack and report and report.failure else ""
        raise LocalStackError(
            f"no local stack is running here{why}; start one with `headgate local up --detach`"
        )
    return client_environment(stack)


def enter_local_environment(project_root: Path) -> None:
    """Turn this process to the local stack, and away from any AWS profile it was started with."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        os.environ.pop(name, None)
    os.environ.update(local_environment(project_root))
