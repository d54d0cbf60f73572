"""This run's sessions on the warehouse: named after the run, cancelled when the runner has to end."""

import json
from collections.abc import Callable, Collection, Sequence
from contextvars import Context, copy_context
from threading import Thread
from time import monotonic, sleep
from typing import Any

AGAIN_SECONDS = 0.3
# How long a server may take to end a session, and how often it is asked.
ORPHAN_SECONDS, GONE_SECONDS = 10.0, 0.1
# The name of the connections that cancel others; dbt names its own after nodes.
CANCELLING = "headgate_cancel"


def name_sessions(config: Any, tag: str) -> None:
    """Call the sessions of adapters that can be called something (Postgres, Redshift) after the run."""
    credentials = config.credentials
    if getattr(credentials, "application_name", None) == "dbt":
        credentials.application_name = tag


def mark_queries(adapter: Any, tag: str) -> None:
    """Put the run into dbt's query comment, if that is JSON: a comment of the project's own stays as it is."""
    header = getattr(adapter.connections, "query_header", None)
    if header is None:
        return
    original: Callable[[str, Any], str] = header.generator

    def generate(name: str, node: Any) -> str:
        comment = original(name, node)
        try:
            fields = json.loads(comment)
        except (TypeError, ValueError):
            return comment
        return json.dumps(fields | {"headgate": tag}) if isinstance(fields, dict) else comment

    header.generator = generate
    header.reset()


def end_orphans(adapter: Any, tag: str, unique_id: str, void: Sequence[str] = ()) -> None:
    """End what earlier attempts left open; on Postgres, where a server long keeps what its client has forgotten.

    unique_id: whose node's statements end in every session of the run, by dbt's own query comment: a connection that
    was lost may still be at work. void: the tags of lost attempts, of which every session ends, whatever it is at: a
    frozen runner must find none when it wakes. Returns when they are gone.
    """
    if adapter.type() != "postgres":
        return
    run = _quoted(tag.partition(".")[0] + ".")
    orphaned = [f"starts_with(application_name, {run}) and {_commented('node_id', unique_id)}"]
    for name in void:
        # An application_name of the project's own stays; then the comment of the latest statement has to do.
        orphaned.append(f"application_name = {_quoted(name)} or {_commented('headgate', name)}")
    statement = (
        "select pg_terminate_backend(pid) from pg_stat_activity "  # noqa: S608 - all values are our own
        f"where pid <> pg_backend_pid() and datname = current_database() and ({' or '.join(orphaned)})"
    )
    deadline = monotonic() + ORPHAN_SECONDS
    while len(adapter.execute(statement, fetch=True)[1].rows) and monotonic() < deadline:
        sleep(GONE_SECONDS)


def _commented(key: str, value: str) -> str:
    """SQL: whether a query's comment has this field. In two halves, or this statement would look like what it seeks."""
    field = json.dumps({key: value})[1:-1]
    return f"position({_quoted(field[:5])} || {_quoted(field[5:])} in query) > 0"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def fence_statements(adapter: Any, check: Callable[[], None]) -> None:
    """Call `check` before each statement of dbt's; it raises LeaseLostError where none may be sent any more.

    A process that was frozen wakes in the middle of its work, sooner than its supervisor can stop it. What was
    connected then, `end_orphans` has ended; what connects later, must not.
    """
    manager = adapter.connections
    connect, add_query = manager.open, getattr(manager, "add_query", None)

    def checked_open(connection: Any) -> Any:
        opened = connect(connection)
        if connection.name != CANCELLING:
            check()
        return opened

    def checked_query(*args: Any, **kwargs: Any) -> Any:
        connection = manager.get_if_exists()
        if connection is None or connection.name != CANCELLING:
            check()
        return add_query(*args, **kwargs)  # type: ignore[misc]

    manager.open = checked_open
    if add_query is not None:
        manager.add_query = checked_query


class OpenSessions:
    """Cancels what dbt has running on the warehouse. Made in dbt's thread, used from the supervisor's."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        # dbt keeps its invocation in context variables, which a thread of ours does not have by itself.
        self._context: Context = copy_context()

    def cancel(self, until: Callable[[], bool], seconds: float) -> None:
        """Cancel every open query, again and again until `until` is true, for at most so many seconds."""
        if not self._adapter.is_cancelable():
            return
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            attempt = Thread(target=self._context.copy().run, args=[self._cancel_once], daemon=True)
            attempt.start()
            attempt.join(deadline - monotonic())
            if until():
                return
            sleep(AGAIN_SECONDS)

    def cancel_nodes(self, names: Collection[str]) -> None:
        """Cancel what these nodes (unique_ids) have running; nothing where the warehouse cannot cancel one query."""
        if self._adapter.is_cancelable() and hasattr(self._adapter.connections, "cancel"):
            self._context.copy().run(self._cancel_named, names)

    def _cancel_once(self) -> None:
        with self._adapter.connection_named(CANCELLING):
            self._adapter.cancel_open_connections()

    def _cancel_named(self, names: Collection[str]) -> None:
        manager = self._adapter.connections
        with manager.lock:
            found = [one for one in manager.thread_connections.values() if one.name in names]
        with self._adapter.connection_named(CANCELLING):
            for connection in found:
                if connection.state == "open" and connection.handle is not None:
                    manager.cancel(connection)
