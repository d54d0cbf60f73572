"""The local stack as the benchmarks use it: started if it is not running, and stopped again then."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from headgate.bootstrap import World
from headgate.domain.prediction import build_key
from headgate.domain.queue import NodeRecord
from headgate.domain.run import Run
from headgate.settings import Settings
from headgate_local import stack as local_stack
from headgate_local.environment import enter_local_environment
from headgate_local.local_file import LocalStack

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@dataclass
class Laptop:
    """A running local stack."""

    stack: LocalStack
    root: Path = ROOT

    @cached_property
    def world(self) -> World:
        return World(Settings.from_environment())

    def headgate(self, *arguments: str) -> str:
        return subprocess.run(
            [str(BIN / "headgate"), *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def run_job(self, job: str) -> Run:
        """Start a job and wait until its run is final."""
        started = json.loads(self.headgate("run", job, "--no-watch", "--json"))["run"]["run_id"]
        return self.finished(int(started))

    def finished(self, run_id: int) -> Run:
        while not (run := self.world.runs.get_run(run_id)).status.is_final:
            time.sleep(1.0)  # seldom: what watches shares the machine with what is measured
        if run.status != "success":
            raise RuntimeError(f"run {run_id} ended as {run.status}: {run.error}")
        return run

    def nodes(self, run: Run) -> list[NodeRecord]:
        return self.world.queue.nodes(run.run_id, 1)

    def learn(self, environment: str, seconds: Mapping[str, float], project: str, materialized: str) -> None:
        """Make models' durations known to the planner. `seconds`: by the model's name."""
        known = {
            build_key(f"model.{project}.{model}", materialized, full_refresh=False): value
            for model, value in seconds.items()
        }
        self.world.history.learn(environment, known)

    def cpu_seconds(self) -> float:
        """What the stack has used so far: supervisor, emulator, functions, runners; not the warehouse."""
        return tree_cpu_seconds(self.stack.pids["supervisor"], without=self.stack.pids["warehouse"])

    @property
    def libpq(self) -> dict[str, str]:
        """The warehouse's address for the sleepers' profile."""
        address = self.stack.warehouse
        return {
            "SLEEPERS_HOST": address.host,
            "SLEEPERS_PORT": str(address.port),
            "SLEEPERS_USER": address.user,
            "DBT_ENV_SECRET_SLEEPERS_PASSWORD": address.password,
            "SLEEPERS_DATABASE": address.dbname,
        }


@contextmanager
def laptop(root: Path = ROOT) -> Iterator[Laptop]:
    """The local stack of a checkout, of this one unless said otherwise."""
    was_running = local_stack.is_running(root)
    stack = local_stack.up(root, detach=True)
    try:
        for name in [name for name in os.environ if name.startswith("HEADGATE_")]:
            del os.environ[name]
        enter_local_environment(root)
        yield Laptop(stack, root)
    finally:
        if not was_running:
            local_stack.down(root)


def tree_cpu_seconds(root: int, without: int) -> float:
    """CPU seconds of a process, its descendants, and those of them that have ended and were waited for."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        pid = int(stat.parent.name)
        children.setdefault(int(fields[1]), []).append(pid)
        ticks[pid] = sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime
    total, rest = 0, [root]
    while rest:
        pid = rest.pop()
        if pid != without:
            total += ticks.get(pid, 0)
            rest += children.get(pid, [])
    return total / os.sysconf("SC_CLK_TCK")


def moment(text: str | None) -> float:
    """An ISO 8601 time as seconds since the epoch."""
    return datetime.fromisoformat(text or "").timestamp()
