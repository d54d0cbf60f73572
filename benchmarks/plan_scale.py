"""How long reading a manifest, carrying its index and planning a step take, by the size of the project.

    python -m benchmarks.plan_scale [models …]        (default: 500 2000 5000 10000)

The projects are made up: ten layers, each model refers to one to three models of the layer before, mostly to
near ones; every second model has two tests, every tenth a relationship test. Times are
CPU seconds of one process, the best of three; waits are the edges that are left in the queue.
"""

from __future__ import annotations

import json
import random
import resource
import sys
from collections.abc import Callable, Sequence
from functools import partial
from time import process_time
from typing import Any, TypeVar

from benchmarks.tables import table
from headgate.domain.command import Command
from headgate.domain.index import Index
from headgate.domain.job import Environment, RunnerSize
from headgate.domain.manifest import read_manifest
from headgate.domain.plan import Plan
from headgate.domain.plan_step import plan_step

SIZES = (500, 2000, 5000, 10000)
LAYERS = 10
ENVIRONMENT = Environment("production", "prod", "analytics", threads=8, runners=RunnerSize(max=40))
Result = TypeVar("Result")


def generate(models: int) -> bytes:
    """A manifest.json of about 5 kB a node, as dbt writes them."""
    chance = random.Random(models)
    width = models // LAYERS
    nodes: dict[str, Any] = {}
    for layer in range(LAYERS):
        for place in range(width):
            near = (
                min(width - 1, max(0, place + chance.randint(-3, 3))) for _ in range(chance.randint(1, 3))
            )
            parents = sorted({model_id(layer - 1, other) for other in near}) if layer else []
            unique_id = model_id(layer, place)
            nodes[unique_id] = entry(
                unique_id, parents, "table" if layer == LAYERS - 1 else "view", [f"t{place % 10}"]
            )
            tested = [[unique_id]] * 2 if place % 2 == 0 else []
            tested += [[unique_id, *parents[:1]]] if place % 10 == 0 else []
            for number, test_parents in enumerate(tested):
                test_id = f"test.bench.{layer}_{place}_{number}"
                nodes[test_id] = entry(test_id, test_parents, "test", [])
    metadata = {
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
        "project_name": "bench",
        "dbt_version": "1.11.16",
    }
    return json.dumps({"metadata": metadata, "nodes": nodes}).encode()


def model_id(layer: int, place: int) -> str:
    return f"model.bench.l{layer}_{place:05}"


def entry(unique_id: str, parents: list[str], materialized: str, tags: list[str]) -> dict[str, Any]:
    resource_type, package, name = unique_id.split(".")
    return {
        "unique_id": unique_id,
        "name": name,
        "resource_type": resource_type,
        "package_name": package,
        "fqn": [package, name[:2], name],
        "original_file_path": f"models/{name[:2]}/{name}.sql",
        "raw_code": "select * from somewhere\n" * 60,
        "compiled_code": "select * from elsewhere\n" * 60,
        "columns": {
            f"c{i}": {"name": f"c{i}", "description": "a column", "data_type": None} for i in range(20)
        },
        "checksum": {"name": "sha256", "checksum": "0" * 64},
        "depends_on": {"macros": [], "nodes": parents},
        "config": {"enabled": True, "materialized": materialized, "tags": tags, "meta": {}, "lookback": 1},
        "tags": tags,
    }


def best(work: Callable[[], Result], times: int = 3) -> tuple[float, Result]:
    """The shortest of some times, and what the last one returned."""
    shortest = float("inf")
    for _ in range(times):
        start = process_time()
        result = work()
        shortest = min(shortest, process_time() - start)
    return shortest, result


def plan(index: Index, line: str) -> Plan:
    return plan_step(
        index,
        Command.parse(line),
        run_id=1,
        step=1,
        bundle="b",
        environment=ENVIRONMENT,
        predictions={},
    )


def measure(sizes: Sequence[int] = SIZES) -> str:
    """The table for these numbers of models."""
    rows = []
    for models in sizes:
        manifest = generate(models)
        reading, index = best(partial(read_manifest, manifest))
        body = index.encode()
        decoding, _ = best(partial(Index.decode, body))
        everything, whole = best(partial(plan, index, "dbt build"))
        some, _ = best(partial(plan, index, "dbt build --select tag:t3+1"))
        waits = sum(len(node.parents) for node in whole.nodes)
        megabytes = (len(manifest) / 1e6, len(body) / 1e6)
        rows.append((models, len(index.nodes), *megabytes, reading, decoding, everything, some, waits))
    title = "Planning by the size of the project (CPU seconds)"
    columns = [
        "models",
        "nodes",
        "manifest MB",
        "index MB",
        "read",
        "decode",
        "plan all",
        "plan a tenth",
        "waits",
    ]
    return table(title, columns, rows)


if __name__ == "__main__":
    print(measure([int(size) for size in sys.argv[1:]] or SIZES))
    print(f"Largest resident size: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
