"""One ECS container as one local process, in the shape that the emulator expects of a Docker container.

The process leads a session of its own, so that SIGTERM and, after the container's StopTimeout, SIGKILL reach
everything it started. Its environment holds what ECS would give and nothing of the person's shell.
"""

import math
import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from headgate_local.runners import write_pid_file

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
IMAGE_ENTRY_POINT = "headgate-runner"
STOP_TIMEOUT_SECONDS = 30
READ_EVERY_SECONDS = 0.1


def runner_environment(
    declared: Mapping[str, str], inherited: Mapping[str, str], bin_folder: str
) -> dict[str, str]:
    """What a runner process sees: four variables of the machine, its own, and the way to the emulator.

    ``declared`` is the task definition's environment with secrets and overrides; ``inherited`` the emulator's
    own (already scrubbed) environment, which knows the endpoint. ``bin_folder`` comes first on PATH: it plays
    the image's file system.
    """
    environment = {name: inherited[name] for name in INHERITED if name in inherited}
    environment |= {name: value for name, value in declared.items() if "CONTAINER_CREDENTIALS" not in name}
    environment.pop("AWS_CONTAINER_AUTHORIZATION_TOKEN", None)
    environment["PATH"] = f"{bin_folder}{os.pathsep}{inherited.get('PATH', os.defpath)}"
    return environment | {
        "AWS_ENDPOINT_URL": inherited["AWS_ENDPOINT_URL"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": inherited["AWS_REGION"],
        "AWS_DEFAULT_REGION": inherited["AWS_REGION"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def argument_list(entry_point: Sequence[str] | None, command: Sequence[str] | None) -> list[str]:
    """Join entry point and command as a container engine does; the image's entry point is the runner's.

    The image is not there to ask, so its ENTRYPOINT is known here by name.
    """
    command = list(command or [])
    if entry_point:
        return [*entry_point, *command]
    if command and command[0] == IMAGE_ENTRY_POINT:
        return command
    return [IMAGE_ENTRY_POINT, *command]


class RunnerProcess:
    """A started process. The method names are those of a Docker container object, which the emulator calls."""

    def __init__(
        self,
        arguments: list[str],
        environment: dict[str, str],
        *,
        folder: Path,
        log: Path,
        stop_timeout: float = STOP_TIMEOUT_SECONDS,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.name = log.stem
        self.attrs = {"Id": self.id, "NetworkSettings": {"Networks": {}, "IPAddress": "127.0.0.1"}}
        self._folder = folder
        self._log = log
        self._stop_timeout = stop_timeout
        self._stop_lock = threading.Lock()
        self._stopped = False
        folder.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        program = shutil.which(arguments[0], path=environment["PATH"]) or arguments[0]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [program, *arguments[1:]],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._pid_file = folder.with_name(f"{folder.name}.pid")
        write_pid_file(
            self._pid_file, self.pid, environment
        )  # also for whoever cleans up after a killed emulator

    @property
    def status(self) -> str:
        return "running" if self._process.poll() is None else "exited"

    def reload(self) -> None:
        """Nothing is cached here."""

    def wait(self, **_: Any) -> dict[str, int]:
        """Wait for the end; a signal is reported as a shell and ECS do, as 128 + its number."""
        code = self._process.wait()
        return {"StatusCode": code if code >= 0 else 128 - code}

    def logs(self, stream: bool = False, follow: bool = False, **_: Any) -> bytes | Iterator[bytes]:
        return self._follow() if stream or follow else self._log.read_bytes()

    def _follow(self) -> Iterator[bytes]:
        with self._log.open("rb") as lines:
            while True:
                ended = self._process.poll() is not None
                if found := lines.readlines():
                    yield b"".join(found)
                elif ended:
                    return
                else:
                    time.sleep(READ_EVERY_SECONDS)

    def stop(self, longest: float = math.inf, insist: float = math.inf, **_: Any) -> None:
        """SIGTERM to the container's first process, then SIGKILL to all after the container's own StopTimeout.

        ``longest`` (seconds) shortens the StopTimeout; after ``insist`` seconds comes a second SIGTERM.
        """
        patience = min(self._stop_timeout, longest)
        with self._stop_lock:
            if self._stopped:
                return  # its process group may be somebody else's by now
            if not self._ends(min(insist, patience)) and not self._ends(patience - insist):
                self.kill()
            self._signal(signal.SIGKILL)  # what the process left behind in its group
            self._stopped = True

    def _ends(self, seconds: float) -> bool:
        """Ask it to end, as the image's init does: that process alone. True: it did in time."""
        if seconds <= 0:
            return False
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self, **_: Any) -> None:
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def remove(self, **_: Any) -> None:
        """Throw its working folder away, as Fargate does; the log stays."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._pid_file.unlink(missing_ok=True)
