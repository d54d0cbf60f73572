"""Numbered steps with times, and what a step does when it does not do what it says."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class DemoFailedError(Exception):
    """A step did not do what it said."""


class Narrator:
    """Tells the steps. One heading each, what happened under it, and how long it took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._number = 0
        self._began = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self._number += 1
        began = time.monotonic()
        self._console.print(f"\n[bold cyan]{self._number:>2}[/] [bold]{title}[/]")
        yield
        self._console.print(f"   [dim]{time.monotonic() - began:.1f} s[/]")

    def say(self, text: str) -> None:
        self._console.print(f"   {text}", highlight=False, soft_wrap=True)

    def check(self, holds: bool, what: str) -> None:
        """Say that something holds. Raises DemoFailedError when it does not."""
        if not holds:
            raise DemoFailedError(what)
        self.say(f"[green]✓[/] {what}")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began
