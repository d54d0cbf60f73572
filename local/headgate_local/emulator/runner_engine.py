"""The part of a container engine that the emulator's ECS asks for, starting processes instead."""

import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from headgate_local.emulator.runner_process import (
    STOP_TIMEOUT_SECONDS,
    RunnerProcess,
    argument_list,
    runner_environment,
)

TASK_ARN_LABEL = "com.amazonaws.ecs.task-arn"
SHUTDOWN_SECONDS = 15
INSIST_SECONDS = 1
CONTAINER_LABEL = "com.amazonaws.ecs.container-name"


class RunnerEngine:
    """Stands where the emulator expects ``docker.from_env()``.

    Images are ignored: whatever the task definition names, the code that runs is the one installed in
    ``bin_folder``. Logs stay under ``logs`` after the process is gone.
    """

    def __init__(self, *, bin_folder: Path, folder: Path, logs: Path) -> None:
        self.containers = self
        self.images = self
        self.networks = self
        self._bin_folder = bin_folder
        self._folder = folder
        self._logs = logs
        self._running: dict[str, RunnerProcess] = {}
        self._lock = threading.Lock()

    def run(self, image: str, **options: Any) -> RunnerProcess:
        """Start the container's command as a process. ``image`` is ignored."""
        del image
        labels = options.get("labels") or {}
        task_id = labels.get(TASK_ARN_LABEL, "").rsplit("/", 1)[-1]
        name = f"{task_id}-{labels.get(CONTAINER_LABEL, 'container')}"
        process = RunnerProcess(
            argument_list(options.get("entrypoint"), options.get("command")),
            runner_environment(options.get("environment") or {}, os.environ, str(self._bin_folder)),
            folder=self._folder / name,
            log=self._logs / f"{name}.log",
            stop_timeout=float(options.get("stop_timeout") or STOP_TIMEOUT_SECONDS),
        )
        with self._lock:
            self._running[process.id] = process
        return process

    def get(self, container_id: str) -> RunnerProcess | SimpleNamespace:
        """The container with this id. The emulator asks for itself under the host's name (or nothing): it is
        given a loopback address, from which it builds the address of the metadata service for its tasks."""
        with self._lock:
            if container_id in self._running:
                return self._running[container_id]
        if container_id == os.environ.get("HOSTNAME", ""):
            return SimpleNamespace(
                attrs={"NetworkSettings": {"Networks": {"loopback": {"IPAddress": "127.0.0.1"}}}}
            )
        raise KeyError(container_id)

    def list(self, **_: Any) -> list[RunnerProcess]:
        with self._lock:
            return list(self._running.values())

    def stop_all(self) -> None:
        """End every process at once; nobody who takes a laptop's stack down waits for Spot's two minutes.

        The second SIGTERM tells a runner to leave its nodes as they are.
        """
        processes = self.list()
        stopping = [
            threading.Thread(target=process.stop, args=(SHUTDOWN_SECONDS, INSIST_SECONDS))
            for process in processes
        ]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        for process in processes:
            process.remove()
