"""What the demo types: the command line as a user has it, and questions about runs in its own words."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headgate_local.demo.narrator import DemoFailedError, Narrator


class Terminal:
    """A shell in the checkout `root`."""

    def __init__(self, narrator: Narrator, root: Path) -> None:
        self._tell, self._root = narrator, root

    def headgate(self, *arguments: str, expected: int = 0, quiet: bool = False) -> str:
        """Run the command as a user would; its output is the demo's. Raises DemoFailedError on another exit code."""
        command = [str(Path(sys.executable).parent / "headgate"), *arguments]
        if not quiet:
            self._tell.say(f"[dim]$ headgate {' '.join(arguments)}[/]")
        ended = subprocess.run(
            command,
            cwd=self._root,
            text=True,
            stdin=subprocess.DEVNULL,  # nobody is there to be asked
            stdout=subprocess.PIPE if quiet else None,
            check=False,
        )
        if ended.returncode != expected:
            raise DemoFailedError(
                f"headgate {' '.join(arguments)} ended with {ended.returncode}, not {expected}"
            )
        return ended.stdout or ""

    def json(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.headgate(*arguments, "--json", quiet=True))
        return found

    def run_ids(self) -> set[int]:
        return {int(run["run_id"]) for run in self.json("runs", "list")["runs"]}

    def nodes(self, run: int) -> list[dict[str, Any]]:
        nodes: list[dict[str, Any]] = self.json("runs", "view", str(run))["nodes"]
        return nodes

    def new_run(self, before: set[int]) -> int:
        return wait_until(lambda: min(self.run_ids() - before, default=None), "a run was created", 20)


def wait_until(found: Callable[[], int | None], what: str, seconds: float) -> int:
    """Ask until there is an answer. Raises DemoFailedError with what did not happen."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = found()
        if answer is not None:
            return answer
        time.sleep(0.2)
    raise DemoFailedError(f"not within {seconds:.0f} s: {what}")
