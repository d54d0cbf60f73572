"""The runners of a local stack as processes: which there are, and the end of those that outlived the emulator.

Runners lead sessions of their own, so a killed emulator does not take them along. Each has a file beside its
working folder with its process id and which runner it is; an id counts only while that process still works in
that folder.
"""

import json
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from headgate_local.places import Places
from headgate_local.processes import signal_group

NUMBERS = ("HEADGATE_RUN_ID", "HEADGATE_STEP", "HEADGATE_RUNNER")


@dataclass(frozen=True, order=True)
class Runner:
    """A living runner: runner number ``runner`` of one step of a run."""

    run_id: int
    step: int
    runner: int
    pid: int


def runners(project_root: Path) -> list[Runner]:
    """Every living runner of the stack in this folder, in order of run, step and number."""
    found = []
    for file, pid, numbers in _files(Places.of(project_root).runners):
        if len(numbers) == len(NUMBERS) and _works_in(pid, file.with_suffix("")):
            run_id, step, runner = (int(numbers[name]) for name in NUMBERS)
            found.append(Runner(run_id, step, runner, pid))
    return sorted(found)


def write_pid_file(file: Path, pid: int, environment: Mapping[str, str]) -> None:
    """Say which process works in the folder of the same name; whole or not at all."""
    numbers = {name: environment[name] for name in NUMBERS if name in environment}
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps({"pid": pid, **numbers}))
    partial.replace(file)


def end_leftover_runners(folder: Path) -> list[int]:
    """Kill the process groups of runners that are still there; returns their ids."""
    ended = []
    for file, pid, _ in _files(folder):
        if _works_in(pid, file.with_suffix("")):
            signal_group(pid, signal.SIGKILL)
            ended.append(pid)
        file.unlink(missing_ok=True)
    return ended


def _files(folder: Path) -> Iterator[tuple[Path, int, dict[str, str]]]:
    for file in folder.glob("*.pid"):
        try:
            content = json.loads(file.read_text())
            yield file, content.pop("pid"), content
        except (OSError, ValueError, KeyError):
            continue  # it went away meanwhile, or is nobody's


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == folder.resolve()
    except OSError:
        return not Path("/proc/self").exists()  # without /proc the id has to do
