"""Projects of sleepers on the local stack: published, their durations known, run by Headgate or by something else."""

import os
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from benchmarks.laptop import BIN, Laptop, moment
from benchmarks.sleepers import Sleepers
from headgate.domain.run import Run

JOBS_FILE = """\
version: 1
environments:
  benchmark:
    target: prod
    schema: sleepers
    threads: {threads}
    runners: {{max: {runners}}}
    secrets:
      SLEEPERS_HOST: warehouse/shop#host
      SLEEPERS_PORT: warehouse/shop#port
      SLEEPERS_USER: warehouse/shop#user
      DBT_ENV_SECRET_SLEEPERS_PASSWORD: warehouse/shop#password
      SLEEPERS_DATABASE: warehouse/shop#dbname
jobs:
  sleepers:
    environment: benchmark
    run: [{command}]
"""


@dataclass(frozen=True)
class Cost:
    """Seconds on the wall and of the processors."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Measured:
    """One run of Headgate. Seconds: start_up from the written plan to the first node, makespan to the last record,
    whole from the request to the final status, cpu of the whole local stack, the emulator included."""

    run: Run
    start_up: float
    makespan: float
    whole: float
    cpu: float


@dataclass
class Project:
    """One dbt project in a folder of its own, on a running stack."""

    machine: Laptop
    folder: Path
    sleepers: Sleepers

    def publish(self, *, runners: int, threads: int, command: str = "dbt build") -> None:
        """Parse, upload, and make the durations known, as they are after the first night."""
        jobs = self.folder / "benchmark.yml"
        jobs.write_text(JOBS_FILE.format(runners=runners, threads=threads, command=command))
        self.machine.headgate("publish", "--project-dir", str(self.folder), "--jobs", str(jobs))
        self.machine.headgate("jobs", "apply", "--file", str(jobs))
        self.machine.learn("benchmark", self.sleepers.seconds, "sleepers", "table")

    def in_runners(self, runners: int) -> Measured:
        """Build all of it with so many runners; raises RuntimeError unless the plan wants exactly these."""
        before = self.machine.cpu_seconds()
        run = self.machine.run_job("sleepers")
        cpu = self.machine.cpu_seconds() - before
        step = self.machine.world.queue.step(run.run_id, 1)
        if step is None or step.runners != runners:
            raise RuntimeError(
                f"run {run.run_id} was planned for {step and step.runners} runners, not {runners}"
            )
        nodes = [node for node in self.machine.nodes(run) if node.resource_type == "model"]
        planned = moment(step.planned_at)
        return Measured(
            run,
            start_up=min(moment(node.started_at) for node in nodes) - planned,
            makespan=max(moment(node.finished_at) for node in nodes) - planned,
            whole=moment(run.finished_at) - moment(run.created_at),
            cpu=cpu,
        )

    def plainly(self, *words: str, threads: int, beside: int = 1) -> Cost:
        """`dbt <words>` as a person would type it."""
        return self.cost_of([self.dbt(*words, threads=threads)], beside)

    def dbt(self, *words: str, threads: int) -> list[str]:
        given = ["--threads", str(threads), "--project-dir", ".", "--profiles-dir", "."]
        return [str(BIN / "dbt"), "--quiet", *words, *given]

    def cost_of(
        self, commands: Sequence[Sequence[str]], beside: int = 1, variables: Mapping[str, str] | None = None
    ) -> Cost:
        """Run the commands in the project's folder, `beside` of them at once, each as soon as there is room."""
        environment = {**os.environ, **self.machine.libpq, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        cpu, began = _children(), monotonic()
        rest, running = list(commands), list[subprocess.Popen[bytes]]()
        while rest or running:
            while rest and len(running) < beside:
                running.append(
                    subprocess.Popen(
                        rest.pop(0), cwd=self.folder, env=environment | dict(variables or {}),
                        stdout=subprocess.DEVNULL,
                    )
                )  # fmt: skip
            pid, status = os.wait()
            ended = next(process for process in running if process.pid == pid)
            ended.returncode = os.waitstatus_to_exitcode(status)
            running.remove(ended)
            if ended.returncode != 0:
                raise RuntimeError(f"{ended.args!r} ended with {ended.returncode}")
        return Cost(monotonic() - began, _children() - cpu)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def make_project(machine: Laptop, folder: Path, sleepers: Sleepers) -> Project:
    """Write the project into `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    sleepers.write(folder)
    return Project(machine, folder, sleepers)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
