"""What reading a manifest, loading an index and selecting cost on 10,000 nodes, beside `dbt ls` of the same selection.

    python -m benchmarks.selection_scale [models …]        (default: 5000, which makes 10,000 nodes)

The project is made up but real: dbt parses it. Ten layers, each model refers to one to three models of the layer
before and calls a macro; every model has a test or two in the files of its layer. `state:` compares with the project
before a macro and every hundredth model were edited. Seconds are CPU seconds with the wall's in brackets, ours
the best of three; dbt's are those of one `dbt ls` that finds a partial parse, so that it parses nothing. A selection
that differs from dbt's is no result.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TypeVar

from benchmarks.projects import Cost
from benchmarks.tables import table
from headgate.domain.index import Index
from headgate.domain.manifest import read_manifest
from headgate.domain.selection import Earlier
from headgate.domain.selection.resolve import Resolver

SIZES = (5000,)
LAYERS = 10
FAMILIES = 50
EDITED = 100
DBT = Path(sys.executable).with_name("dbt")
SELECTIONS = (
    "+l5_00100+",
    "@l2_00010",
    "tag:t3+1",
    "models/l4",
    "+l9_00001,l1_0*+",
    "state:modified",
    "state:modified+",
)
PROJECT = """\
name: bench
version: "1.0"
profile: bench
models: {bench: {+materialized: view}}
"""
PROFILES = """\
bench:
  target: dev
  outputs:
    dev: {type: postgres, host: 127.0.0.1, port: 5432, user: x, password: x, dbname: x, schema: bench, threads: 4}
"""
Result = TypeVar("Result")


def write_project(folder: Path, models: int) -> None:
    """A dbt project of so many models, and as many tests."""
    dice, width = random.Random(models), models // LAYERS
    _write(folder / "dbt_project.yml", PROJECT)
    _write(folder / "profiles.yml", PROFILES)
    for family in range(FAMILIES):
        _write(folder / f"macros/family_{family}.sql", _macro(family))
    for layer in range(LAYERS):
        properties = []
        for place in range(width):
            near = (min(width - 1, max(0, place + dice.randint(-3, 3))) for _ in range(dice.randint(1, 3)))
            parents = sorted({_name(layer - 1, other) for other in near}) if layer else []
            _write(folder / f"models/l{layer}/{_name(layer, place)}.sql", _model(place, parents))
            properties.append(_properties(_name(layer, place), place))
        _write(folder / f"models/l{layer}/schema.yml", json.dumps({"models": properties}))


def edit_project(folder: Path) -> None:
    """Another text of one macro and of every hundredth model."""
    path = folder / "macros/family_7.sql"
    path.write_text(path.read_text().replace("coalesce", "nullif"))
    for number, path in enumerate(sorted(folder.glob("models/*/*.sql"))):
        if number % EDITED == 0:
            path.write_text(path.read_text() + "-- edited\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _name(layer: int, place: int) -> str:
    return f"l{layer}_{place:05}"


def _macro(family: int) -> str:
    inner = f"{{% macro inner_{family}(column) %}}coalesce({{{{ column }}}}, {family}){{% endmacro %}}\n"
    return inner + f"{{% macro family_{family}(column) %}}{{{{ inner_{family}(column) }}}}{{% endmacro %}}\n"


def _model(place: int, parents: Sequence[str]) -> str:
    columns = "".join(f"    column_{number} as renamed_{number},  -- as it was\n" for number in range(10))
    joins = "".join(f"left join {{{{ ref('{parent}') }}}} using (id)\n" for parent in parents[1:])
    origin = f"{{{{ ref('{parents[0]}') }}}}" if parents else "generate_series(1, 10) as s (id)"
    call = f"{{{{ family_{place % FAMILIES}('id') }}}}"
    return f"select\n    {call} as key,\n{columns}    id\nfrom {origin}\n{joins}where id is not null\n"


def _properties(name: str, place: int) -> dict[str, object]:
    tests = ["not_null"] if place % 2 else ["not_null", "unique"] if place % 4 else []
    columns = [{"name": "id", "description": "The key.", "data_tests": tests}]
    columns += [{"name": f"renamed_{number}", "description": "A column."} for number in range(3)]
    return {
        "name": name,
        "description": "A model.",
        "config": {"tags": [f"t{place % 10}"]},
        "columns": columns,
    }


def dbt(folder: Path, *words: str) -> tuple[Cost, str]:
    """What one dbt command costs, and what it prints."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    told = ["--quiet", "--no-version-check", "--no-send-anonymous-usage-stats", *words]
    ended = subprocess.run(
        [str(DBT), *told, "--project-dir", str(folder), "--profiles-dir", str(folder)],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(perf_counter() - began, cpu), ended.stdout


def best(work: Callable[[], Result], times: int = 3) -> tuple[Cost, Result]:
    """The cheapest of some times by its CPU seconds, and what the last one returned."""
    costs = []
    for _ in range(times):
        cpu, wall = process_time(), perf_counter()
        result = work()
        costs.append(Cost(perf_counter() - wall, process_time() - cpu))
    return min(costs, key=lambda cost: cost.cpu), result


def reading(path: Path) -> None:
    """Read the manifest in this process, which did nothing else before, and print what it took as JSON."""
    body = path.read_bytes()
    cpu, wall = process_time(), perf_counter()
    index = read_manifest(body)
    cost = (process_time() - cpu, perf_counter() - wall)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([*cost, peak, len(index.nodes)]))


def measure(sizes: Sequence[int] = SIZES) -> str:
    """Two tables: what carrying an index takes, and what selecting takes beside dbt."""
    carried, selected = [], []
    for models in sizes:
        with TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write_project(folder, models)
            dbt(folder, "parse")
            state = folder / "before"
            state.mkdir()
            (folder / "target/manifest.json").rename(state / "manifest.json")
            edit_project(folder)
            parse, _ = dbt(folder, "parse")
            carried.append((*_carried(folder / "target/manifest.json"), _seconds(parse)))
            selected += _selected(folder, state)
    columns = ["nodes", "manifest MB", "read", "peak MB", "index MB", "load", "dbt parse, partial"]
    first = table("Reading a manifest and loading an index: CPU seconds (wall)", columns, carried)
    columns = ["nodes", "selection", "selected", "milliseconds", "with loading", "dbt ls: seconds", "ratio"]
    return first + "\n" + table("Selecting beside `dbt ls`: CPU (wall)", columns, selected)


def _carried(manifest: Path) -> tuple[object, ...]:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.selection_scale", "read", str(manifest)],
        stdout=subprocess.PIPE,
        check=True,
    )
    cpu, wall, peak, nodes = json.loads(ran.stdout)
    body = read_manifest(manifest.read_bytes()).encode()
    load, _ = best(lambda: Index.decode(body))
    return (
        nodes,
        manifest.stat().st_size / 1e6,
        _seconds(Cost(wall, cpu)),
        peak,
        len(body) / 1e6,
        _seconds(load),
    )


def _selected(folder: Path, state: Path) -> list[tuple[object, ...]]:
    now, before = (read_manifest((at / "manifest.json").read_bytes()) for at in (folder / "target", state))
    bodies = (now.encode(), before.encode())
    rows: list[tuple[object, ...]] = []
    for words in SELECTIONS:
        compares = words.startswith("state:")
        earlier = Earlier(index=before) if compares else None
        ours, found = best(
            lambda words=words, earlier=earlier: Resolver(now, earlier).resolve((words,)).nodes
        )  # type: ignore[misc]
        load, _ = best(lambda compares=compares: [Index.decode(body) for body in bodies[: 1 + compares]])  # type: ignore[misc]
        asked = ["ls", "--select", words, "--output", "json", "--output-keys", "unique_id"]
        theirs, listed = dbt(folder, *asked, *(["--state", str(state)] if compares else []))
        expected = {json.loads(line)["unique_id"] for line in listed.splitlines() if line.startswith("{")}
        if found != expected:
            raise RuntimeError(f"{words}: {len(found ^ expected)} nodes differ from dbt's")
        both = Cost(ours.wall + load.wall, ours.cpu + load.cpu)
        costs = (
            f"{ours.cpu * 1000:.0f} ({ours.wall * 1000:.0f})",
            f"{both.cpu * 1000:.0f} ({both.wall * 1000:.0f})",
        )
        rows.append(
            (
                len(now.nodes),
                f"`{words}`",
                len(found),
                *costs,
                _seconds(theirs),
                f"{theirs.cpu / both.cpu:.0f}x",
            )
        )
    return rows


def _seconds(cost: Cost) -> str:
    return f"{cost.cpu:.2f} ({cost.wall:.2f})"


if __name__ == "__main__":
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    if sys.argv[1:2] == ["read"]:
        reading(Path(sys.argv[2]))
    else:
        print(measure([int(size) for size in sys.argv[1:]] or SIZES))
