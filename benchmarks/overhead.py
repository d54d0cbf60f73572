"""What our own code costs per node, and how long a released node waits for another runner.

The overhead: CPU seconds of threads while they are in our functions inside dbt's process (claims, records, releases
with their requests to the table, relation caches, logs), in a real runner that builds 300 models of next to nothing.
The latency: chains of models that cross over between two runners with free threads; from a parent's record to the
child's claim. `python -m benchmarks.overhead`
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

from benchmarks.laptop import ROOT, Laptop, laptop, moment
from benchmarks.projects import make_project
from benchmarks.sleepers import Sleepers, make_sleepers
from benchmarks.tables import table
from headgate.domain.bundle import INDEX, named
from headgate.domain.command import Command
from headgate.domain.index import Index
from headgate.domain.instant import iso
from headgate.domain.plan import OPENING, Plan
from headgate.domain.plan_step import plan_step
from headgate.domain.queue import Claim, StepRecord, initial_records
from headgate.usecases.run_nodes import QueueSession

MODELS = 300
CHAINS, LINKS = 6, 20


def measure() -> str:
    """Both tables."""
    with laptop() as machine, tempfile.TemporaryDirectory() as folder:
        return f"{_overhead(machine, Path(folder))}\n{_latency(machine, Path(folder))}"


def _overhead(machine: Laptop, folder: Path) -> str:
    project = make_project(machine, folder / "project", make_sleepers("layers", MODELS, 0.02 * MODELS))
    project.publish(runners=1, threads=4)
    project.in_runners(1)  # not counted: makes the schema
    plan = _begin(machine)
    spent: dict[str, float] = _profiled(plan)
    total = spent.pop("process")
    rows = [(name, 1000 * seconds / MODELS) for name, seconds in sorted(spent.items(), key=lambda s: -s[1])]
    rows.append(("**all of ours**", 1000 * sum(spent.values()) / MODELS))
    rows.append(("the whole process, dbt and its start included", 1000 * total / MODELS))
    return table(f"CPU per node of {MODELS} (goal: ours ≤ 30 ms)", ("part", "ms"), rows)


def _begin(machine: Laptop) -> Plan:
    """A step without a run: planned, written, and opened by us, so that the profiled runner does the rest."""
    world = machine.world
    digest, command = world.jobs.bundle_of("benchmark"), Command.parse("dbt build")
    index = Index.decode(world.bundles.read(digest, named(command.vars_digest, INDEX)))
    plan = plan_step(
        index, command, run_id=int(time.time()), step=1, bundle=digest,
        environment=world.jobs.environment("benchmark"), predictions={},
    )  # fmt: skip
    plan = replace(plan, runners=2)
    world.plans.put_plan(plan)
    world.queue.write(StepRecord(plan.run_id, 1, len(plan.nodes), 2, iso(time.time())), initial_records(plan))
    opener = QueueSession(world.queue, world.clock, plan, 1)
    opener.begin()
    claim = opener.next()
    assert isinstance(claim, Claim)
    assert claim.unique_id == OPENING
    opener.finish(OPENING, None)
    opener.end()
    return plan


def _profiled(plan: Plan) -> dict[str, float]:
    numbers = {"HEADGATE_RUN_ID": plan.run_id, "HEADGATE_STEP": 1, "HEADGATE_RUNNER": 2}
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.profiled_runner"],
        cwd=ROOT,
        env={**os.environ, **{name: str(number) for name, number in numbers.items()}},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    spent: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return spent


def _latency(machine: Laptop, folder: Path) -> str:
    project = make_project(machine, folder / "chains", _crossing_chains())
    project.publish(runners=2, threads=4)
    run = project.in_runners(2).run
    nodes = {node.unique_id: node for node in machine.nodes(run) if node.resource_type == "model"}
    waits = []
    for model, parents in project.sleepers.parents.items():
        child = nodes[f"model.sleepers.{model}"]
        above = [nodes[f"model.sleepers.{parent}"] for parent in parents]
        if above:
            last = max(above, key=lambda node: moment(node.finished_at))
            if last.runner != child.runner:
                waits.append(moment(child.started_at) - moment(last.finished_at))
    row = (len(waits), median(waits), quantiles(waits, n=100, method="inclusive")[98], max(waits))
    return table(
        "From a parent's record to the child's claim by the other runner (goal: p99 ≤ 1.5 s)",
        ("nodes that changed the runner", "median s", "p99 s", "longest s"),
        [row],
    )


def _crossing_chains() -> Sleepers:
    """Six chains on eight threads; each link also waits for its neighbour's, so that runners hand over often."""
    parents: dict[str, tuple[str, ...]] = {}
    for link in range(LINKS):
        for chain in range(CHAINS):
            above = {f"chain_{other}_{link - 1:02d}" for other in (chain, (chain + 1) % CHAINS)}
            parents[f"chain_{chain}_{link:02d}"] = tuple(sorted(above)) if link else ()
    return Sleepers(
        parents, {model: 0.3 + 0.05 * place for place, model in zip(_cycle(), parents, strict=False)}
    )


def _cycle() -> list[int]:
    return [(7 * place) % 5 for place in range(CHAINS * LINKS)]


if __name__ == "__main__":
    print(measure())
