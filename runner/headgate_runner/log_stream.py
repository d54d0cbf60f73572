"""A runner's log: JSON lines to stdout at once, to the artifact store in chunks, by a thread of its own.

Writing a line never blocks and never fails: a store that is away costs log lines, not the run.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, TextIO

from headgate.domain.queue import CHUNKS_PER_EPOCH
from headgate.ports import ArtifactStore
from headgate_runner.redaction import Redactor
from headgate_runner.settings import RunnerSettings

TICK_SECONDS = 0.2
CHUNK_SECONDS = 2.0
# What is kept while the store is away; the oldest lines go first.
MOST_PENDING = 20_000


class LogStream:
    """Collects lines from any thread and carries them away."""

    def __init__(
        self, store: ArtifactStore, settings: RunnerSettings, redactor: Redactor, out: TextIO | None = None
    ) -> None:
        self._store, self._settings, self._redactor = store, settings, redactor
        self._out = out or sys.stdout
        self._lock = Lock()
        self._fresh: list[Mapping[str, Any]] = []
        self._pending: list[Mapping[str, Any]] = []
        self._epoch: int | None = None
        self._chunks = 0
        self._stored_at = monotonic()
        self._closing = Event()
        self._thread = Thread(target=self._carry, name="log", daemon=True)
        self._thread.start()

    def write(self, level: str, message: str, node: str | None = None, at: str | None = None) -> None:
        """One line. level: dbt's words (debug, info, warn, error); at: ISO 8601 UTC, now when left out."""
        line = {
            "at": at or datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "runner": self._settings.runner,
            "node": node,
            "level": level,
            "message": self._redactor.text(message),
        }
        with self._lock:
            self._fresh.append(line)

    def begin(self, epoch: int) -> None:
        """Chunks may be stored from now on, under this attempt's epoch."""
        self._epoch = epoch

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """One debug line that says how long this took."""
        began = monotonic()
        yield
        self.write("debug", f"{name}: {monotonic() - began:.2f} s")

    def close(self, timeout: float) -> None:
        """Carry away what is left, but wait no longer than `timeout` seconds for it."""
        self._closing.set()
        self._thread.join(timeout)

    def _carry(self) -> None:
        while not self._closing.wait(TICK_SECONDS):
            self._print()
            if monotonic() - self._stored_at >= CHUNK_SECONDS:
                self._save()
        self._print()
        self._save()

    def _print(self) -> None:
        with self._lock:
            lines, self._fresh = self._fresh, []
        if not lines:
            return
        self._pending = (self._pending + lines)[-MOST_PENDING:]
        try:
            self._out.write("".join(json.dumps(line) + "\n" for line in lines))
            self._out.flush()
        except (OSError, ValueError):
            # Nobody reads our output any more; the store still gets the lines.
            return

    def _save(self) -> None:
        self._stored_at = monotonic()
        if self._epoch is None or not self._pending:
            return
        sequence = self._epoch * CHUNKS_PER_EPOCH + self._chunks
        settings = self._settings
        try:
            self._store.append_log(settings.run_id, settings.step, settings.runner, sequence, self._pending)
        except Exception as fault:  # noqa: BLE001 - a log store's fault must not end the run; the lines stay
            self._out.write(json.dumps({"level": "warn", "message": f"log not stored yet: {fault}"}) + "\n")
            return
        self._chunks += 1
        self._pending = []
