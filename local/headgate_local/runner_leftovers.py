"""Runners that outlived the emulator: found by their working folders and ended.

Runners lead sessions of their own, so a killed emulator does not take them along. Each writes its process id
beside its working folder; an id counts only while that process still works in that folder.
"""

import signal
from pathlib import Path

from headgate_local.processes import signal_group


def end_leftover_runners(folder: Path) -> list[int]:
    """Kill the process groups of runners that are still there; returns their ids."""
    ended = []
    for pid_file in folder.glob("*.pid"):
        pid = int(pid_file.read_text() or 0)
        if pid and _works_in(pid, pid_file.with_suffix("")):
            signal_group(pid, signal.SIGKILL)
            ended.append(pid)
        pid_file.unlink(missing_ok=True)
    return ended


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == folder.resolve()
    except OSError:
        return not Path("/proc/self").exists()  # without /proc the id has to do
