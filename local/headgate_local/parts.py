"""The parts of the stack as the supervisor knows them, and the file in which it reports on them."""

import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from headgate_local.local_file import write_private
from headgate_local.processes import ProcessIdentity

WAREHOUSE, EMULATOR, FRONT_DOOR = "warehouse", "emulator", "front door"
LAST_LINES = 8


class PartState(StrEnum):
    """What a part is doing."""

    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class PartStatus:
    """One part, as ``headgate local status`` shows it."""

    name: str
    state: PartState
    pid: int | None = None
    port: int | None = None
    message: str = ""


@dataclass(frozen=True)
class Part:
    """How to start, recognise as ready, and stop one part.

    ``is_ready`` is asked until it answers True; ``stop_signal`` ends the part in good order within
    ``stop_seconds``, after which its process group is killed.
    """

    name: str
    port: int
    command: list[str]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10
    popen_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The supervisor's account: who it is and how its parts are (``.headgate/parts.json``).

    ``notes`` are what a person should know about the start, such as a folder's permissions that were changed.
    """

    supervisor: ProcessIdentity
    parts: dict[str, PartStatus]
    identities: dict[str, ProcessIdentity]
    notes: tuple[str, ...] = ()

    @property
    def failure(self) -> str | None:
        """Why the stack is not whole; None when no part failed."""
        failed = [status.message for status in self.parts.values() if status.state is PartState.FAILED]
        return failed[0] if failed else None

    @property
    def is_ready(self) -> bool:
        return bool(self.parts) and all(p.state is PartState.RUNNING for p in self.parts.values())


def write_report(path: Path, report: Report) -> None:
    write_private(path, asdict(report))


def read_report(path: Path) -> Report | None:
    """The last account of a supervisor, which may be long gone; None when there is none or it is damaged."""
    try:
        content = json.loads(path.read_text())
        return Report(
            ProcessIdentity(**content["supervisor"]),
            {n: PartStatus(**{**p, "state": PartState(p["state"])}) for n, p in content["parts"].items()},
            {n: ProcessIdentity(**i) for n, i in content["identities"].items()},
            tuple(content.get("notes", ())),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def ending_of(name: str, code: int, log: Path) -> str:
    """What to tell people about a part that ended by itself."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
    except OSError:
        lines = []
    last = "".join(f"\n  {line}" for line in lines) or " (empty)"
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
    return f"part '{name}' ended {how}; last lines of its log ({log}):{last}"
