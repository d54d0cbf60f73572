"""The stack's life: up, whole, down with nothing left, and what happens when a part dies or a port is taken."""

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg2
import pytest

from headgate_local import stack as local
from headgate_local.errors import DeployFailedError, LocalStackError
from headgate_local.local_file import LocalStack
from headgate_local.parts import PartState, read_report
from headgate_local.places import Places
from headgate_local.processes import ProcessIdentity

ROOT = Path(__file__).parents[2]
FIXTURE = Path(__file__).parent / "fixtures" / "local_stack"


def a_free_port() -> int:
    """Not 8080: a stack of the person at the machine may be there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_of(project: Path) -> list[str]:
    """Command lines of living processes that belong to a project: they name it, or work in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            folder = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(project) in command or folder.startswith(str(project)):
            found.append(command)
    return found


@pytest.fixture
def project() -> Iterator[Path]:
    # Not below pytest's own folders: every session closes those again to others, Postgres' user among them.
    home = Path(tempfile.mkdtemp(prefix="hg-local-"))
    shutil.copytree(FIXTURE, home, dirs_exist_ok=True)
    (home / ".venv").symlink_to(ROOT / ".venv")
    yield home
    local.down(home)
    left = processes_of(home)
    shutil.rmtree(home)
    assert left == []


def raw_answer(url: str, target: str) -> bytes:
    """The answer to a path that no client library would send."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(4096), b""))


def states(project: Path) -> dict[str, PartState]:
    return {part.name: part.state for part in local.status(project)}


def rows(stack: LocalStack, statement: str) -> list[tuple[object, ...]]:
    address = stack.warehouse
    connection = psycopg2.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        dbname=address.dbname,
    )
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_a_stack_comes_up_whole_survives_a_restart_and_leaves_nothing(project: Path) -> None:
    steps: list[str] = []
    assert not local.is_running(project)
    first = local.up(project, port=a_free_port(), detach=True, on_step=steps.append)
    assert local.is_running(project)
    assert set(states(project).values()) == {PartState.RUNNING}
    assert httpx.post(f"{first.url}/echo/me", content=b"x").status_code == 200
    assert raw_answer(first.url, "/../../../_ministack/health").startswith(b"HTTP/1.1 404")
    rows(first, "create table kept as select 1 as one")
    again = local.up(project, detach=True, on_step=steps.append)
    assert again == first
    assert any("already running" in step for step in steps)

    assert local.down(project)
    assert processes_of(project) == []
    assert not Places.of(project).local_file.exists()
    assert set(states(project).values()) == {PartState.STOPPED}
    assert not local.down(project)
    assert not local.is_running(project)

    second = local.up(project, port=a_free_port(), detach=True)
    assert second.outputs == first.outputs
    assert rows(second, "select one from kept") == [(1,)]
    assert httpx.post(f"{second.url}/echo/me", content=b"x").status_code == 200

    local.reset(project)
    assert not (project / ".headgate").exists()


def test_a_dying_part_is_reported_by_name_and_takes_the_others_down(project: Path) -> None:
    stack = local.up(project, port=a_free_port(), detach=True)
    supervisor = ProcessIdentity.of(stack.pids["supervisor"])
    os.kill(stack.pids["emulator"], signal.SIGKILL)
    until = time.monotonic() + 15
    while supervisor.is_running and time.monotonic() < until:
        time.sleep(0.05)
    assert processes_of(project) == []
    parts = {part.name: part for part in local.status(project)}
    assert parts["emulator"].state is PartState.FAILED
    assert "part 'emulator' ended by signal SIGKILL" in parts["emulator"].message
    assert parts["warehouse"].state is PartState.STOPPED
    log = Places.of(project).log_of("supervisor").read_text()
    assert "part 'emulator' ended by signal SIGKILL" in log


def test_a_deleted_state_folder_ends_the_stack(project: Path) -> None:
    local.up(project, port=a_free_port(), detach=True)
    shutil.rmtree(project / ".headgate")
    until = time.monotonic() + 15
    while processes_of(project) and time.monotonic() < until:
        time.sleep(0.1)
    assert processes_of(project) == []


def test_a_killed_supervisor_does_not_confuse_what_follows_nor_does_a_taken_port(project: Path) -> None:
    first = local.up(project, port=a_free_port(), detach=True)
    os.kill(first.pids["supervisor"], signal.SIGKILL)
    time.sleep(0.2)
    assert processes_of(project) != []
    steps: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        stack = local.up(project, port=port, detach=True, on_step=steps.append)
    assert set(states(project).values()) == {PartState.RUNNING}
    assert stack.pids["supervisor"] != first.pids["supervisor"]
    assert stack.url != f"http://127.0.0.1:{port}"
    assert any(f"port {port} is taken" in step for step in steps)


def test_a_template_that_does_not_deploy_is_explained_and_nothing_stays(project: Path) -> None:
    template = project / "template.yaml"
    good = template.read_text()
    template.write_text(
        good.replace("ProtocolType: HTTP", "ProtocolType: CARRIER_PIGEON").replace(
            "Type: AWS::SNS::Topic}", "Type: AWS::SNS::Nothing}"
        )
    )
    with pytest.raises(DeployFailedError, match=r"Topic|AWS::SNS::Nothing"):
        local.up(project, port=a_free_port(), detach=True)
    assert processes_of(project) == []
    template.write_text(good)
    assert local.up(project, port=a_free_port(), detach=True).outputs["ApiId"]


def test_a_project_that_is_not_set_up_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="make setup"):
        local.up(tmp_path, detach=True)
    assert read_report(Places.of(tmp_path).parts_file) is None
    assert local.status(tmp_path) == []
