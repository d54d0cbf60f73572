"""Processes that outlive the one that started them: which they are, and how to end them for good.

A process id alone says little after a crash of the machine, since ids are used again. With its start time
(``/proc``, where there is one) it names one process.
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOOK_EVERY_SECONDS = 0.05
STAT_FIELDS_BEFORE_START = 20  # counted after the command's closing bracket, which may itself hold spaces


@dataclass(frozen=True)
class ProcessIdentity:
    """A process id and the kernel's ticks at its start (0 where /proc does not tell)."""

    pid: int
    start_ticks: int

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        return cls(pid, start_ticks(pid) or 0)

    @property
    def is_running(self) -> bool:
        """True while this very process lives; a zombie is dead."""
        ticks = start_ticks(self.pid)
        if ticks is None:
            return not Path("/proc/self/stat").exists() and _answers(self.pid)
        return ticks == self.start_ticks


def start_ticks(pid: int) -> int | None:
    """When a process started, in ticks since the machine did; None when it is gone or only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return None
    return None if fields[0] == "Z" else int(fields[STAT_FIELDS_BEFORE_START - 1])


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def group_is_alive(group: int) -> bool:
    """True while a process group has a member that is not a zombie."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    if not Path("/proc/self/stat").exists():
        return True
    return any(_group_of(entry) == group for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _group_of(entry: Path) -> int | None:
    try:
        fields = (entry / "stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return None
    return None if fields[0] == "Z" else int(fields[2])


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group that may be gone already."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def wait_until_gone(identity: ProcessIdentity, seconds: float) -> bool:
    """Wait for a process that need not be our child; False when it still runs."""
    until = time.monotonic() + seconds
    while identity.is_running:
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_EVERY_SECONDS)
    return True
