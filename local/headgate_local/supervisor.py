"""The process that owns the local stack: it starts the parts, watches them and takes all of them down together.

``python -m headgate_local.supervisor --project DIR --port N`` runs in a session of its own until SIGTERM, or
until a part ends by itself, which it reports by name in its log and in ``.headgate/parts.json``.
"""

import argparse
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from headgate_local.addresses import any_free_port, next_free_port
from headgate_local.errors import LocalStackError
from headgate_local.part_commands import emulator_part, front_door_part, warehouse_part
from headgate_local.parts import (
    EMULATOR,
    FRONT_DOOR,
    WAREHOUSE,
    Part,
    PartState,
    PartStatus,
    Report,
    ending_of,
    read_report,
    write_report,
)
from headgate_local.places import Places
from headgate_local.processes import ProcessIdentity, group_is_alive, signal_group
from headgate_local.runners import end_leftover_runners
from headgate_local.warehouse import Warehouse

LOOK_EVERY_SECONDS = 0.1
READY_SECONDS = 60
KILLED_SECONDS = 2
logger = logging.getLogger("headgate.supervisor")


class Supervisor:
    """Starts parts, reports on them, and ends them."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._parts: dict[str, Part] = {}
        self._status: dict[str, PartStatus] = {}
        self._identities: dict[str, ProcessIdentity] = {}
        self._notes: list[str] = []
        self._report_lock = threading.Lock()
        self.is_stopping = threading.Event()

    def expect(self, *names: str) -> None:
        """Announce parts that are about to start, so that the report is never taken for whole too early."""
        self._status |= {name: PartStatus(name, PartState.STARTING) for name in names}
        self.report()

    def start(self, part: Part) -> None:
        """Start a part in a process group of its own."""
        log = self._places.log_of(part.name.replace(" ", "-"))
        with log.open("wb") as output:
            options: dict[str, Any] = dict(part.popen_options)
            process = subprocess.Popen(
                part.command,
                env=dict(part.environment),
                cwd=self._places.project,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )
        self._processes[part.name], self._parts[part.name] = process, part
        self._identities[part.name] = ProcessIdentity.of(process.pid)
        self.note(part.name, PartState.STARTING)
        logger.info("part '%s' started, pid %d, port %d", part.name, process.pid, part.port)

    def wait_until_ready(self, name: str) -> None:
        """Return when the part answers, ended, was stopped, or took too long (which is a failure)."""
        part, until = self._parts[name], time.monotonic() + READY_SECONDS
        while not self.is_stopping.is_set() and self._processes[name].poll() is None:
            if part.is_ready():
                self.note(name, PartState.RUNNING)
                return
            if time.monotonic() > until:
                self.note(name, PartState.FAILED, f"part '{name}' was not ready after {READY_SECONDS} s")
                return
            time.sleep(LOOK_EVERY_SECONDS)

    def watch(self, parent: int | None) -> bool:
        """Wait for the order to stop; False when a part ended by itself (all are to be stopped then)."""
        while not self.is_stopping.wait(LOOK_EVERY_SECONDS):
            if reason := self._no_longer_wanted(parent):
                logger.info("stopping: %s", reason)
                return True
            for name, process in self._processes.items():
                code = process.poll()
                if code is not None:
                    log = self._places.log_of(name.replace(" ", "-"))
                    self.note(name, PartState.FAILED, ending_of(name, code, log))
            if any(status.state is PartState.FAILED for status in self._status.values()):
                return False
        return True

    def _no_longer_wanted(self, parent: int | None) -> str | None:
        if parent is not None and os.getppid() != parent:
            return "the process that started the stack is gone"
        report = read_report(self._places.parts_file)
        if report is None or report.supervisor.pid != os.getpid():
            return "the stack's folder was deleted or given to another supervisor"
        return None

    def stop_all(self) -> None:
        """End every part in the reverse order of their start, the slow ones by force."""
        for name in reversed(list(self._processes)):
            part, process = self._parts[name], self._processes[name]
            if process.poll() is None:
                process.send_signal(part.stop_signal)
                try:
                    process.wait(part.stop_seconds)
                except subprocess.TimeoutExpired:
                    logger.warning("part '%s' did not stop within %g s: killed", name, part.stop_seconds)
            self._kill_group(process)
            if self._status[name].state is not PartState.FAILED:
                self.note(name, PartState.STOPPED)
            logger.info("part '%s' stopped", name)
        end_leftover_runners(self._places.runners)

    def _kill_group(self, process: subprocess.Popen[bytes]) -> None:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()
        until = time.monotonic() + KILLED_SECONDS
        while group_is_alive(process.pid) and time.monotonic() < until:
            time.sleep(LOOK_EVERY_SECONDS)

    def note(self, name: str, state: PartState, message: str = "") -> None:
        """Change what the report says about a part."""
        if message:
            logger.error("%s", message)
        process, part = self._processes.get(name), self._parts.get(name)
        with self._report_lock:
            self._status[name] = PartStatus(
                name, state, process.pid if process else None, part.port if part else None, message
            )
        self.report()

    def tell(self, text: str) -> None:
        """Have ``up`` say something to the person who called it."""
        logger.warning("%s", text)
        self._notes.append(text)

    def report(self) -> None:
        with self._report_lock, contextlib.suppress(FileNotFoundError):  # the folder may be deleted
            me = ProcessIdentity.of(os.getpid())
            write_report(
                self._places.parts_file,
                Report(me, dict(self._status), dict(self._identities), tuple(self._notes)),
            )


def start_parts(supervisor: Supervisor, places: Places, port: int, last_ports: dict[str, int | None]) -> None:
    """Start everything at once: Postgres' first initialisation takes as long as the emulator's start.

    The emulator and Postgres keep their ports over a restart if they can: queue addresses name the port.
    """
    emulator_port = any_free_port(last_ports.get(EMULATOR))
    supervisor.start(emulator_part(places, emulator_port))
    door_port = next_free_port(port, taken={emulator_port})
    supervisor.start(front_door_part(places, door_port))
    warehouse = Warehouse(places)
    for change in warehouse.create():
        supervisor.tell(f"made {change} passable for others: Postgres refuses to run as root")
    supervisor.start(warehouse_part(warehouse, any_free_port(last_ports.get(WAREHOUSE))))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parent", type=int, help="stop when this process is no longer the parent")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    places = Places.of(options.project)
    supervisor = Supervisor(places)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.is_stopping.set())
    last = read_report(places.parts_file)
    last_ports = {name: part.port for name, part in last.parts.items()} if last else {}
    supervisor.expect(WAREHOUSE, EMULATOR, FRONT_DOOR)
    try:
        start_parts(supervisor, places, options.port, last_ports)
        waiting = [
            threading.Thread(target=supervisor.wait_until_ready, args=(name,), daemon=True)
            for name in (WAREHOUSE, EMULATOR, FRONT_DOOR)
        ]
        for thread in waiting:
            thread.start()
        is_whole = supervisor.watch(options.parent)
    except (LocalStackError, OSError) as failure:
        supervisor.note(WAREHOUSE, PartState.FAILED, f"the local stack did not start: {failure}")
        is_whole = False
    finally:
        supervisor.is_stopping.set()
        supervisor.stop_all()
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
