"""One real runner in a process of its own, with its ports in the test's process. A script.

    python runner_process.py ADDRESS [EVENT:UNIQUE_ID,...]

EVENT kills the process by SIGKILL at the worst moment: `claim` (before it claims the node), `record` (after it built
the node, before it recorded it). `never` kills nobody: this runner claims none of the nodes. `hang` never comes back
from the claim. `opening` and `inserted` freeze the process by SIGSTOP: before the node's connection to the warehouse
opens, after it inserted a seed's rows and before it commits. Hearts beat fast here, so that a lost lease is noticed
within a test's patience; TEST_CONSTANTS changes more constants: `module.NAME=3,module.NAME=4`.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from multiprocessing.managers import BaseManager
from threading import Event
from time import sleep
from typing import Any

from headgate.adapters.system_clock import SystemClock
from headgate_runner import work
from headgate_runner.entrypoint import leave, run
from headgate_runner.settings import RunnerSettings
from headgate_runner.supervision import Supervision

KEY = b"runner"
PORTS = ("runs", "jobs", "queue", "bundles", "artifacts", "plans", "secrets", "slots", "states")


class Connection(BaseManager):
    """The test's side of every port."""


for port in PORTS:
    Connection.register(port)


class FarWorld:
    """Ports that live in another process."""

    def __init__(self, address: str, twist: str) -> None:
        connection = Connection(address, authkey=KEY)
        connection.connect()
        for port in PORTS:
            setattr(self, port, getattr(connection, port)())
        self.clock = SystemClock()
        if twist:
            event, _, nodes = twist.partition(":")
            self.queue = Twisted(self.queue, event, nodes.split(","))


class Twisted:
    """A queue at which its caller dies, without a word, or is turned away, when it comes to one of some nodes."""

    def __init__(self, queue: Any, event: str, nodes: list[str]) -> None:
        self._queue, self._event, self._nodes = queue, event, nodes
        self._method = "finish" if event == "record" else "claim"

    def __getattr__(self, name: str) -> Any:
        original = getattr(self._queue, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if name == self._method and any(node in args for node in self._nodes):
                if self._event == "never":
                    return None
                if self._event == "hang":
                    Event().wait()
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        return call


def freeze(moment: str, node: str) -> None:
    """Stop this process, once, when dbt comes to this moment of the node. Its supervisor then wakes last."""
    from dbt.adapters.postgres.connections import PostgresConnectionManager as Manager

    connect, add_query, look = Manager.open, Manager.add_query, Supervision.look
    pending = [node]

    def stop(connection: Any) -> None:
        if connection.name in pending:
            pending.clear()
            os.kill(os.getpid(), signal.SIGSTOP)

    def stop_and_connect(_cls: Any, connection: Any) -> Any:
        stop(connection)
        return connect(connection)

    def insert_and_stop(self: Any, sql: str, *args: Any, **kwargs: Any) -> Any:
        answer = add_query(self, sql, *args, **kwargs)
        if sql.strip().startswith("insert into"):
            stop(self.get_thread_connection())
        return answer

    def look_late(self: Supervision) -> Any:
        if not pending:
            sleep(2)
        return look(self)

    Supervision.look = look_late  # type: ignore[method-assign]
    if moment == "opening":
        Manager.open = classmethod(stop_and_connect)
    else:
        Manager.add_query = insert_and_stop


if __name__ == "__main__":
    work.HEARTBEAT_SECONDS = 0.3
    for assignment in filter(None, os.environ.get("TEST_CONSTANTS", "").split(",")):
        name, _, value = assignment.partition("=")
        module, _, constant = name.rpartition(".")
        setattr(import_module(module), constant, float(value))
    address, twist = (*sys.argv[1:], "")[:2]
    if twist.startswith(("opening:", "inserted:")):
        freeze(*twist.split(":"))
        twist = ""
    leave(run(RunnerSettings.from_environment(), FarWorld(address, twist)))  # type: ignore[arg-type]
