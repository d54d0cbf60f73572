"""Two runners with four threads each against plain `dbt build` with eight, on 120 models that only sleep.

Both sides pay dbt's start; plain dbt parses from its partial parse, as it would on any second run. Runs alternate,
so that a machine that slows down slows both. `python -m benchmarks.build_ratio`
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.laptop import BIN, Laptop, laptop, moment
from benchmarks.sleepers import Sleepers, make_sleepers
from benchmarks.tables import table

MODELS, WORK_SECONDS, ROUNDS = 120, 60.0, 3
JOBS_FILE = """\
version: 1
environments:
  benchmark:
    target: prod
    schema: sleepers
    threads: 4
    runners: {max: 2}
    secrets:
      SLEEPERS_HOST: warehouse/shop#host
      SLEEPERS_PORT: warehouse/shop#port
      SLEEPERS_USER: warehouse/shop#user
      DBT_ENV_SECRET_SLEEPERS_PASSWORD: warehouse/shop#password
      SLEEPERS_DATABASE: warehouse/shop#dbname
jobs:
  sleepers:
    environment: benchmark
    run: [dbt build]
"""


def measure() -> str:
    """The table of this benchmark."""
    sleepers = make_sleepers(MODELS, WORK_SECONDS)
    with laptop() as machine, tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        sleepers.write(project)
        _publish(machine, project)
        _plain(machine, project)  # not counted: fills the partial parse
        machine.run_job("sleepers")  # not counted: starts the functions, learns the durations
        plain, runners, whole = [], [], []
        for _ in range(ROUNDS):
            plain.append(_plain(machine, project))
            in_runners, in_all = _ours(machine)
            runners.append(in_runners)
            whole.append(in_all)
    return _table(sleepers, median(plain), median(runners), median(whole))


def _publish(machine: Laptop, project: Path) -> None:
    jobs = project / "benchmark.yml"
    jobs.write_text(JOBS_FILE)
    machine.headgate("publish", "--project-dir", str(project), "--jobs", str(jobs))
    machine.headgate("jobs", "apply", "--file", str(jobs))


def _plain(machine: Laptop, project: Path) -> float:
    began = time.monotonic()
    subprocess.run(
        [str(BIN / "dbt"), "--quiet", "build", "--threads", "8", "--project-dir", ".", "--profiles-dir", "."],
        cwd=project,
        env={**os.environ, **machine.libpq, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        check=True,
    )
    return time.monotonic() - began


def _ours(machine: Laptop) -> tuple[float, float]:
    """Seconds from the written plan to the last record, and from the request to the run's final status."""
    run = machine.run_job("sleepers")
    step = machine.world.queue.step(run.run_id, 1)
    if step is None or step.runners != 2:
        raise RuntimeError(f"run {run.run_id} was planned for {step and step.runners} runners, not 2")
    last = max(moment(node.finished_at) for node in machine.nodes(run) if node.finished_at)
    return last - moment(step.planned_at), moment(run.finished_at) - moment(run.created_at)


def _table(sleepers: Sleepers, plain: float, runners: float, whole: float) -> str:
    bound = max(sleepers.critical_path, sleepers.work / 8)
    return table(
        f"{MODELS} models, {sleepers.work:.0f} s of work, critical path {sleepers.critical_path:.1f} s: "
        f"median of {ROUNDS}",
        ("what", "seconds", "ratio to plain dbt", "ratio to the lower bound"),
        (
            ("plain dbt build, 8 threads", plain, 1.0, plain / bound),
            ("2 runners, 4 threads: plan written to last record", runners, runners / plain, runners / bound),
            ("the same: request to final status", whole, whole / plain, whole / bound),
        ),
    )


if __name__ == "__main__":
    print(measure())
