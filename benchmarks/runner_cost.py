"""What a runner costs before its first node, on a project of 5,000 models and 5,000 tests, beside plain dbt.

Both build one model of it and start from a parsed project. The runner tells its own CPU seconds and memory at its first
node and at its end. `python -m benchmarks.runner_cost [models]`
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.laptop import Laptop, laptop
from benchmarks.projects import Project
from benchmarks.sleepers import PROFILES, PROJECT, Sleepers
from benchmarks.tables import table

MODELS = 5_000
LAYERS = 10
ONE = "m_0_00000"
TOLD = re.compile(r"^(first node|end): ([\d.]+) s of CPU, (\d+) MB$")


def measure(models: int = MODELS) -> str:
    """The table of this benchmark."""
    with laptop() as machine, tempfile.TemporaryDirectory() as folder:
        project = _project(machine, Path(folder) / "project", models)
        project.publish(runners=1, threads=4, command=f"dbt build --select {ONE}")
        run = machine.run_job("sleepers")
        told = _told(machine, run.run_id)
        project.plainly("parse", threads=1)  # not counted: fills the partial parse
        plain = _plain(project)
    rows = [
        ("a runner, start to first node", *told["first node"]),
        ("a runner, start to end", *told["end"]),
        ("plain dbt build of one model", *plain),
        ("runner's start / plain dbt", told["first node"][0] / plain[0], told["first node"][1] / plain[1]),
    ]
    title = f"The fixed cost of a runner, {models} models and {models} tests (goal: 9 CPU s, 400 MB)"
    return table(title, ("what", "CPU s", "peak memory MB"), rows)


def _project(machine: Laptop, folder: Path, models: int) -> Project:
    """Ten layers; each model reads the one above it, and has one test."""
    models_folder = folder / "models"
    models_folder.mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(PROJECT)
    (folder / "profiles.yml").write_text(PROFILES)
    width = models // LAYERS
    for layer in range(LAYERS):
        described = ["models:"]
        for place in range(width):
            name = f"m_{layer}_{place:05d}"
            above = f"{{{{ ref('m_{layer - 1}_{place:05d}') }}}}" if layer else "(select 1 as id) as one"
            (models_folder / f"{name}.sql").write_text(f"select id from {above}\n")
            described.append(f"- {{name: {name}, columns: [{{name: id, data_tests: [not_null]}}]}}")
        (models_folder / f"layer_{layer}.yml").write_text("\n".join(described) + "\n")
    return Project(machine, folder, Sleepers({ONE: ()}, {ONE: 1.0}))


def _told(machine: Laptop, run_id: int) -> dict[str, tuple[float, float]]:
    lines = machine.world.artifacts.logs(run_id, 1)
    found = (TOLD.match(str(line["message"])) for line in lines)
    return {match[1]: (float(match[2]), float(match[3])) for match in found if match}


def _plain(project: Project) -> tuple[float, float]:
    process = subprocess.Popen(
        project.dbt("build", "--select", ONE, threads=4),
        cwd=project.folder,
        env={**os.environ, **project.machine.libpq, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"plain dbt ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
