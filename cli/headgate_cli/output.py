"""What the terminal shows: data on stdout, notes on stderr, the same words with and without colour.

rich honours NO_COLOR and TERM=dumb by itself; CLICOLOR_FORCE is added here. A piped table is never folded.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SCHEMA_VERSION = 1
_PIPED_WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Look:
    """A glyph and a colour: never the colour alone."""

    glyph: str
    colour: str


_LOOKS: dict[str, Look] = {
    "success": Look("✓", "green"),
    "pass": Look("✓", "green"),
    "warn": Look("!", "yellow"),
    "error": Look("✕", "red"),
    "fail": Look("✕", "red"),
    "runtime error": Look("✕", "red"),
    "partial success": Look("◐", "red"),
    "skipped": Look("–", "bright_black"),  # noqa: RUF001 - a dash reads as "nothing happened"
    "no-op": Look("·", "bright_black"),
    "reused": Look("↺", "cyan"),
    "running": Look("▸", "blue"),
    "starting": Look("▹", "blue"),
    "queued": Look("…", "bright_black"),
    "cancelled": Look("⊘", "yellow"),
}
_UNKNOWN = Look("?", "white")


def look(status: str) -> Look:
    """How a run's or a node's status is shown."""
    return _LOOKS.get(status, _UNKNOWN)


def painted(status: str) -> str:
    """Glyph and word of a status, with markup."""
    shown = look(status)
    return f"[{shown.colour}]{shown.glyph} {status}[/]"


def console() -> "Console":
    """Where data goes."""
    return _console(sys.stdout)


def notes() -> "Console":
    """Where progress, hints and faults go."""
    return _console(sys.stderr)


@cache
def _console(stream: TextIO) -> "Console":
    from rich.console import Console

    forced = os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0") and "NO_COLOR" not in os.environ
    return Console(
        file=stream,
        width=None if stream.isatty() else _PIPED_WIDTH,
        force_terminal=True if forced else None,
        highlight=False,
        emoji=False,
        soft_wrap=False,
    )


def note(text: str) -> None:
    """A line for the person, with markup; not part of the data."""
    notes().print(text, soft_wrap=True)


def next_command(*commands: str) -> None:
    """The last line of a command: what to type now."""
    notes().print("[bright_black]Next:[/] " + "   [bright_black]·[/]   ".join(commands), soft_wrap=True)


def say(text: str) -> None:
    """A line of data, with markup."""
    console().print(text, soft_wrap=True)


def print_json(data: Mapping[str, Any]) -> None:
    """An object on stdout; `schema_version` changes when a field changes its meaning or goes."""
    sys.stdout.write(
        json.dumps({"schema_version": SCHEMA_VERSION, **data}, indent=2, ensure_ascii=False) + "\n"
    )


def table(*columns: str, right: tuple[str, ...] = (), whole: tuple[str, ...] = ()) -> "Table":
    """A table without lines; what does not fit is folded on a terminal, except in the columns `whole`."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bright_black", padding=(0, 2, 0, 0))
    for column in columns:
        side: Literal["left", "right"] = "right" if column in right else "left"
        made.add_column(column, justify=side, overflow="fold", no_wrap=column in whole)
    return made


def print_table(made: "Table") -> None:
    """Data; a piped table has no spaces at its lines' ends."""
    data = console()
    if data.is_terminal:
        data.print(made)
        return
    with data.capture() as captured:
        data.print(made)
    data.file.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))


def escaped(text: str) -> str:
    """Somebody else's text: its brackets are no markup."""
    from rich.markup import escape

    return escape(text)


def seconds_text(seconds: float) -> str:
    """`0.42 s`, `12.3 s`, `2m 04s`, `1h 02m`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02d}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02d}m"


def size_text(size: int) -> str:
    """`640 kB`, `2.4 MB`."""
    return f"{size / 1e6:.1f} MB" if size >= 1_000_000 else f"{size / 1e3:.0f} kB"


def counted(number: int, word: str) -> str:
    """`1 node`, `2 nodes`, `2 branches`."""
    return f"{number:,} {word}" + ("" if number == 1 else "es" if word.endswith(("ch", "sh", "s")) else "s")
