"""This run's sessions on the warehouse: named after the run, cancelled when the runner has to end."""

import json
from collections.abc import Callable, Collection
from contextvars import Context, copy_context
from threading import Thread
from time import monotonic, sleep
from typing import Any

AGAIN_SECONDS = 0.3


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


def end_orphans(adapter: Any, tag: str, unique_id: str) -> None:
    """End what a killed runner left running for this node; on Postgres, where its locks would hold up the node.

    A server notices that a client is gone only when it next writes to it. Found by the run's tag and by the node
    in dbt's own query comment.
    """
    if adapter.type() != "postgres":
        return
    node = f'"node_id": "{unique_id}"'.replace("'", "''")
    adapter.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "  # noqa: S608 - both values are our own
        f"where application_name = '{tag}' and pid <> pg_backend_pid() and position('{node}' in query) > 0",
        fetch=True,
    )


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
        with self._adapter.connection_named("headgate_cancel"):
            self._adapter.cancel_open_connections()

    def _cancel_named(self, names: Collection[str]) -> None:
        manager = self._adapter.connections
        with manager.lock:
            found = [one for one in manager.thread_connections.values() if one.name in names]
        with self._adapter.connection_named("headgate_cancel"):
            for connection in found:
                if connection.state == "open" and connection.handle is not None:
                    manager.cancel(connection)
