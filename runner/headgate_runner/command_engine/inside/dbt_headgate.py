"""Inside dbt's process: name this run's sessions on Postgres, and end them when the runner wants dbt to end.

Python answers no signal while its main thread waits for a database (a hook, an operation), and an application name
in the profile would make dbt parse the whole project again. Hence from inside: psycopg2's connections are named
HEADGATE_SESSIONS; the first one ends what lost attempts left running (HEADGATE_LOST_SESSIONS, names with commas);
the end of the standard input, which only the runner holds open, ends sessions and process. Without HEADGATE_SESSIONS
dbt is as it always is; with an adapter that does not use psycopg2 it only ends with the runner.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

TAG = os.environ.get("HEADGATE_SESSIONS", "")
LOST = [tag for tag in os.environ.get("HEADGATE_LOST_SESSIONS", "").split(",") if tag]
# What dbt calls its sessions unless the profile says otherwise; a name of the user's own stays.
DBT_S_NAME = "dbt"
INTERRUPT_SECONDS, CANCEL_SECONDS = 0.5, 2.0
END_SESSIONS = (
    "select pg_terminate_backend(pid) from pg_stat_activity "
    "where application_name = any(%s) and pid <> pg_backend_pid()"
)


class Sessions:
    """Connects for dbt under the run's name; remembers how, to be able to end what runs there."""

    def __init__(self, connect: Any, tag: str, lost: list[str]) -> None:
        self._connect, self._tag, self._lost = connect, tag, lost
        self._lock = threading.Lock()
        self._arguments: tuple[tuple[Any, ...], dict[str, Any]] | None = None

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        """In place of psycopg2.connect."""
        if kwargs.get("application_name", DBT_S_NAME) == DBT_S_NAME:
            kwargs["application_name"] = self._tag
        with self._lock:
            if self._lost:
                self._end(args, kwargs, self._lost)
                self._lost = []
            self._arguments = (args, kwargs)
        return self._connect(*args, **kwargs)

    def end_all(self) -> None:
        """End every session of this run, from any thread."""
        if self._arguments is not None:
            self._end(*self._arguments, [self._tag])

    def _end(self, args: tuple[Any, ...], kwargs: dict[str, Any], tags: list[str]) -> None:
        connection = self._connect(*args, **kwargs)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(END_SESSIONS, (tags,))
        finally:
            connection.close()


def end_with_the_runner(sessions: Sessions | None) -> None:
    """Wait for the end of the standard input, then leave: by dbt's own way if it can, without it if it cannot."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(INTERRUPT_SECONDS)
    try:
        if sessions is not None:
            sessions.end_all()
    except Exception as fault:  # noqa: BLE001 - whatever the server says, this process has to end
        sys.stderr.write(f"sessions could not be ended: {fault}\n")
    time.sleep(CANCEL_SECONDS)
    os._exit(2)


def begin() -> None:
    """Called once, by dbt's import of this module."""
    sessions = None
    try:
        import psycopg2
    except ImportError:
        pass
    else:
        sessions = Sessions(psycopg2.connect, TAG, LOST)
        psycopg2.connect = sessions.connect
    threading.Thread(target=end_with_the_runner, args=[sessions], name="headgate", daemon=True).start()


if TAG:
    begin()
