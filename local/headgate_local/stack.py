"""Up, down, status and reset of the local stack: what ``headgate local`` calls."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from headgate_local.bring_up import deploy_and_describe, deployed_once
from headgate_local.environment import scrubbed
from headgate_local.errors import NotSetUpError, PartFailedError
from headgate_local.local_file import LocalStack, read_local_file
from headgate_local.parts import (
    WAREHOUSE,
    PartState,
    PartStatus,
    Report,
    ending_of,
    read_report,
)
from headgate_local.places import Places
from headgate_local.processes import ProcessIdentity, group_is_alive, signal_group, wait_until_gone
from headgate_local.runners import end_leftover_runners

DEFAULT_PORT = 8080
START_SECONDS = 90
STOP_SECONDS = 60
LOOK_EVERY_SECONDS = 0.05
OnStep = Callable[[str], None]


def up(
    project_root: Path,
    *,
    port: int = DEFAULT_PORT,
    detach: bool,
    on_step: OnStep = lambda _: None,
    on_ready: Callable[[LocalStack], None] = lambda _: None,
) -> LocalStack:
    """Start the local stack and deploy the template; says so and returns it when it runs already.

    Without ``detach`` it stays in the foreground after ``on_ready`` until Ctrl-C or until a part ends, and
    takes the stack down. Raises NotSetUpError, PartFailedError or DeployFailedError; nothing is left running
    then.
    """
    places = Places.of(project_root)
    running = _running(places)
    if running:
        on_step(f"the local stack is already running: {running.url}")
        on_ready(running)
        return running
    _check_setup(places)
    try:
        with _one_at_a_time(places):
            running = _running(places)
            if running:  # somebody else was quicker
                on_ready(running)
                return running
            _end_remains(places)
            places.make()
            report = _start_supervisor(places, port, detach, on_step)
            stack = deploy_and_describe(places, report, port, on_step)
        on_ready(stack)
        if not detach:
            _stay(places)
    except BaseException:
        down(project_root)
        if not deployed_once(places).exists():
            shutil.rmtree(places.emulator, ignore_errors=True)
        raise
    return stack


def down(project_root: Path, on_step: OnStep = lambda _: None) -> bool:
    """Take the stack down; returns False when none was running. Nothing of it is left afterwards."""
    places = Places.of(project_root)
    report = read_report(places.parts_file)
    was_running = report is not None and report.supervisor.is_running
    if report is not None and was_running:
        on_step("stopping the local stack")
        os.kill(report.supervisor.pid, signal.SIGTERM)
        if not wait_until_gone(report.supervisor, STOP_SECONDS):
            signal_group(report.supervisor.pid, signal.SIGKILL)
    left = _end_remains(places)
    places.local_file.unlink(missing_ok=True)
    return was_running or left


def is_running(project_root: Path) -> bool:
    """Whether a stack of this project is up and whole."""
    return _running(Places.of(project_root)) is not None


def status(project_root: Path) -> list[PartStatus]:
    """Every part of the stack as it is now, also after it was taken down; empty when it never ran."""
    places = Places.of(project_root)
    report = read_report(places.parts_file)
    if report is None:
        return []
    return [_as_it_is(report, name) for name in report.parts]


def reset(project_root: Path, on_step: OnStep = lambda _: None) -> None:
    """Take the stack down and forget everything it ever stored."""
    down(project_root, on_step)
    places = Places.of(project_root)
    on_step(f"deleting {places.state}")
    shutil.rmtree(places.state, ignore_errors=True)


def _as_it_is(report: Report, name: str) -> PartStatus:
    part, identity = report.parts[name], report.identities.get(name)
    if part.state not in (PartState.RUNNING, PartState.STARTING):
        return part
    if identity is not None and identity.is_running:
        return part
    if report.supervisor.is_running and part.state is PartState.STARTING:
        return part
    return replace(part, state=PartState.STOPPED, message="not running any more: the supervisor was ended")


def _running(places: Places) -> LocalStack | None:
    report = read_report(places.parts_file)
    if report is None or not report.supervisor.is_running or not report.is_ready:
        return None
    return read_local_file(places.local_file)


@contextlib.contextmanager
def _one_at_a_time(places: Places) -> Iterator[None]:
    """Let a second `up` wait for the first, instead of taking its half-started stack for remains."""
    places.make()
    with (places.state / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_setup(places: Places) -> None:
    for needed in (places.emulator_python, places.bin_folder / "uv", places.project / "template.yaml"):
        if not needed.exists():
            raise NotSetUpError(f"{needed} is missing: run `make setup` in the project's folder")


def _start_supervisor(places: Places, port: int, detach: bool, on_step: OnStep) -> Report:
    on_step("starting Postgres, the AWS emulator and the front door")
    parent = [] if detach else [f"--parent={os.getpid()}"]
    with places.log_of("supervisor").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "headgate_local.supervisor",
                "--project", str(places.project), f"--port={port}", *parent,
            ],
            env=scrubbed(os.environ, PYTHONPATH=str(places.source)),
            cwd=places.project,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    return _wait_until_ready(places, process)


def _wait_until_ready(places: Places, process: "subprocess.Popen[bytes]") -> Report:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        code = process.poll()
        report = read_report(places.parts_file)
        if report and report.supervisor.pid != process.pid:
            report = None  # of an earlier one
        if report and report.failure:
            raise PartFailedError(report.failure)
        if code is not None:
            raise PartFailedError(ending_of("supervisor", code, places.log_of("supervisor")))
        if report and report.is_ready:
            return report
        time.sleep(LOOK_EVERY_SECONDS)
    raise PartFailedError(f"the local stack was not ready after {START_SECONDS} s; see {places.logs}")


def _stay(places: Places) -> None:
    """Wait for Ctrl-C or the end of a part, then take the stack down."""
    try:
        while (report := read_report(places.parts_file)) and report.supervisor.is_running:
            if report.failure:
                raise PartFailedError(report.failure)
            time.sleep(0.2)
    except KeyboardInterrupt:
        pass
    down(places.project)


def _end_remains(places: Places) -> bool:
    """End what a killed supervisor or a crash left behind; True when there was something."""
    report = read_report(places.parts_file)
    if report is not None and report.supervisor.is_running:
        os.kill(report.supervisor.pid, signal.SIGTERM)
        wait_until_gone(report.supervisor, STOP_SECONDS)
        report = read_report(places.parts_file)
    identities = report.identities if report else {}
    alive = {name: identity for name, identity in identities.items() if identity.is_running}
    for name, identity in alive.items():
        _end_part(name, identity)
    ended = end_leftover_runners(places.runners)
    shutil.rmtree(places.temporary, ignore_errors=True)
    return bool(alive or ended)


def _end_part(name: str, identity: ProcessIdentity) -> None:
    os.kill(identity.pid, signal.SIGINT if name == WAREHOUSE else signal.SIGTERM)
    wait_until_gone(identity, 10)
    signal_group(identity.pid, signal.SIGKILL)
    until = time.monotonic() + 2
    while group_is_alive(identity.pid) and time.monotonic() < until:
        time.sleep(LOOK_EVERY_SECONDS)
