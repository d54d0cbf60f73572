"""A run of 10,000 nodes through the real state machine, functions and queue on the emulator; only dbt is left out.

The stack runs in a folder that is this checkout by links, with benchmarks/stub_runner.py in place of the runner's
command. `python -m benchmarks.large_run [nodes]`
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, time
from typing import Any

from benchmarks.laptop import ROOT, Laptop, laptop, moment
from benchmarks.plan_scale import generate
from benchmarks.tables import table
from headgate.domain.bundle import INDEX, named
from headgate.domain.command import Command
from headgate.domain.index import Index
from headgate.domain.instant import iso
from headgate.domain.job import Environment, Job, JobsFile, RunnerSize
from headgate.domain.manifest import read_manifest
from headgate.domain.plan_step import plan_step
from headgate.domain.queue import StepRecord, initial_records
from headgate.domain.run import Cause
from headgate.usecases.start_job import start_job
from headgate_local.deploy import client

# Models and tests together (plan_scale).
NODES, NODES_PER_MODEL = 10_000, 2.1
RUNNERS = 4
LINKED = ("template.yaml", "functions", "layers", "statemachine", "runner", "cli", "local", "pyproject.toml")


def measure(nodes: int = NODES) -> str:
    """The table of this benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "checkout"
        _link(root)
        with laptop(root) as machine:
            return _run(machine, nodes)


def _run(machine: Laptop, nodes: int) -> str:
    world, job = machine.world, _publish(machine, nodes)
    planned, wrote, count = _plan_beside(machine)
    run = start_job(job, Cause("cli", "benchmark"), jobs=world.jobs, runs=world.runs, bus=world.bus)
    run = machine.finished(run.run_id)
    step = world.queue.step(run.run_id, 1)
    records = machine.nodes(run)
    last = max(moment(node.finished_at) for node in records if node.finished_at)
    events, payload = _history(machine, str(run.execution_arn))
    rows = [
        ("nodes of the run", count, ""),
        ("plan from the bundle's index, s", planned, "2"),
        ("queue written, s", wrote, "30"),
        (
            f"claimed, ended, released by {RUNNERS} runners, s",
            last - moment(step.planned_at if step else ""),
            "",
        ),
        ("events of the execution", events, "1000"),
        ("largest payload of a state, bytes", payload, "32768"),
        ("runs that ended green", int(run.status == "success"), ""),
    ]
    return table(f"A run of {count} nodes, dbt left out", ("what", "measured", "goal: at most"), rows)


def _publish(machine: Laptop, nodes: int) -> Job:
    world, command = machine.world, Command.parse("dbt build")
    environment = Environment("large", "prod", "analytics", threads=4, runners=RunnerSize(max=RUNNERS))
    job = Job("large", "large", ("dbt build",))
    world.jobs.apply(JobsFile((environment,), (job,), (), "large.yml"))
    index = machine.root / "index.msgpack"
    index.write_bytes(read_manifest(generate(round(nodes / NODES_PER_MODEL))).encode())
    world.bundles.put("large", {named(command.vars_digest, INDEX): index})
    world.jobs.point_at("large", "large")
    return job


def _plan_beside(machine: Laptop) -> tuple[float, float, int]:
    """Seconds of the plan alone and of the queue's write alone, in this process, for a run that does not exist."""
    world, command = machine.world, Command.parse("dbt build")
    began = monotonic()
    plan = plan_step(
        Index.decode(world.bundles.read("large", named(command.vars_digest, INDEX))),
        command,
        run_id=int(time()),
        step=1,
        bundle="large",
        environment=world.jobs.environment("large"),
        predictions={},
    )
    world.plans.put_plan(plan)
    planned, began = monotonic() - began, monotonic()
    world.queue.write(
        StepRecord(plan.run_id, 1, len(plan.nodes), RUNNERS, iso(time())), initial_records(plan)
    )
    return planned, monotonic() - began, len(plan.nodes)


def _history(machine: Laptop, arn: str) -> tuple[int, int]:
    """Events of the execution, and the bytes of the largest text in them."""
    pages = client("stepfunctions", machine.stack.endpoint).get_paginator("get_execution_history")
    events: list[dict[str, Any]] = [
        event
        for page in pages.paginate(executionArn=arn, includeExecutionData=True)
        for event in page["events"]
    ]
    return len(events), max((len(text.encode()) for event in events for text in _texts(event)), default=0)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _texts(member)


def _link(root: Path) -> None:
    """This checkout by links, except for the runner's command."""
    bin_folder = root / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    for name in LINKED:
        (root / name).symlink_to(ROOT / name)
    (root / ".venv" / "emulator").symlink_to(ROOT / ".venv" / "emulator")
    for command in (ROOT / ".venv" / "bin").iterdir():
        if command.name != "headgate-runner":
            (bin_folder / command.name).symlink_to(command)
    stub = bin_folder / "headgate-runner"
    stub.write_text(f"#!{sys.executable}\n" + (ROOT / "benchmarks" / "stub_runner.py").read_text())
    stub.chmod(0o755)


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
