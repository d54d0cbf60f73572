"""The dbt command as a process: found, started in a group of its own, read line by line, and ended for certain.

Plain dbt cancels its queries on SIGINT and leaves them running on the server on SIGTERM; so a stop is SIGINT to the
whole group, then the end of its standard input (inside/dbt_headgate.py answers that), then SIGKILL.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from headgate.errors import NotFoundError

# The steps of a stop. Together shorter than what a lease leaves between its fence and its end.
INTERRUPT_SECONDS, CANCEL_SECONDS, KILL_SECONDS = 2.5, 3.5, 2.0
INSIDE = Path(__file__).parent / "inside"


def find_dbt(variables: Mapping[str, str] | None = None) -> Path:
    """The dbt command: HEADGATE_DBT, else beside this interpreter, else on the PATH. Raises NotFoundError."""
    variables = os.environ if variables is None else variables
    named = variables.get("HEADGATE_DBT")
    beside = Path(sys.executable).parent / "dbt"
    found = named or (str(beside) if beside.exists() else shutil.which("dbt", path=variables.get("PATH")))
    if not found:
        raise NotFoundError(f"dbt is not installed beside {sys.executable}; HEADGATE_DBT says where it is")
    if not os.access(found, os.X_OK):
        raise NotFoundError(f"HEADGATE_DBT={found} is not a command that can be started")
    return Path(found)


class DbtProcess:
    """One dbt command that runs or has run. Read by one thread; stopped by any."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            list(arguments),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._stopping = Lock()
        Thread(target=self._read, name="dbt-log", daemon=True).start()

    @property
    def returncode(self) -> int | None:
        """None while it runs; minus the signal's number if one ended it."""
        return self._process.poll()

    @property
    def broke_off(self) -> bool:
        """Whether a signal ended it that it cannot answer: what it had sent to the warehouse may go on there."""
        code = self.returncode
        return code is not None and code < 0 and code != -signal.SIGINT

    def lines(self, tick_seconds: float) -> Iterator[str | None]:
        """Its output until it ended; None whenever it said nothing for so long, so that the reader can live on.

        What it has started may live longer and hold its output open; nobody waits for that.
        """
        while True:
            ended = self.returncode is not None
            try:
                line = self._lines.get(timeout=tick_seconds)
            except Empty:
                if ended:
                    return
                yield None
                continue
            if line is None:
                self._process.wait()
                return
            yield line

    def stop(self) -> bool:
        """End it, and everything that it started; True if it ended in its own way. Takes eight seconds at most."""
        with self._stopping:
            self._signal(signal.SIGINT)
            if self._ended(INTERRUPT_SECONDS):
                return True
            self._close_input()
            if self._ended(CANCEL_SECONDS):
                return True
            self._signal(signal.SIGKILL)
            self._ended(KILL_SECONDS)
            return False

    def _read(self) -> None:
        try:
            for line in self._process.stdout or ():
                self._lines.put(line)
        except (OSError, ValueError):
            pass
        finally:
            self._lines.put(None)

    def _close_input(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _ended(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True
