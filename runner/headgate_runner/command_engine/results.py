"""What dbt leaves in its target folder, and whether it can be believed.

An exit code of 0 alone proves nothing: results count when the file is whole, belongs to this invocation and names
every node of the plan. A node without a result is not done.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.domain.plan import Plan
from headgate.errors import HeadgateError
from headgate_runner.asked_args import asked_args

RUN_RESULTS, SOURCES, CATALOG = "run_results.json", "sources.json", "catalog.json"
# verb -> the file that says what became of its nodes. `docs generate` and `deps` have none.
RESULTS_OF = dict.fromkeys(
    ("build", "run", "test", "seed", "snapshot", "compile", "run-operation", "clone"), RUN_RESULTS
) | {"source freshness": SOURCES}
# What a person may want to see afterwards, if dbt has written it.
ARTIFACTS = ("manifest.json", CATALOG, "index.html", SOURCES)
# What must be in the results; others (exposures, saved queries) not every version of dbt tells about.
BUILT = frozenset({"model", "seed", "snapshot", "test", "unit_test"})


class ResultsMissingError(HeadgateError):
    """dbt said how it ended, but what it left behind does not tell what became of the nodes."""


@dataclass(frozen=True, slots=True)
class Results:
    """metadata, args, elapsed (seconds): of the invocation; entries: one object a node, as in run_results.json."""

    metadata: Mapping[str, Any]
    args: Mapping[str, Any]
    elapsed: float
    entries: tuple[Mapping[str, Any], ...]

    def invocation(self, plan: Plan) -> bytes:
        """The step's invocation.json: what finalize_run writes around the merged results."""
        args = asked_args(self.args, plan) | {"invocation_command": plan.command.line}
        record = {"metadata": dict(self.metadata), "args": args, "elapsed_time": self.elapsed}
        return json.dumps(record).encode()


def read_results(path: Path, invocation: str) -> Results:
    """Read dbt's file. invocation: dbt's id in the log, empty when it said none.

    Raises ResultsMissingError: there is no file, it is cut off, or another run has left it.
    """
    found = _read_artifact(path, invocation, "results")
    return Results(
        found["metadata"],
        found.get("args") or {},
        float(found.get("elapsed_time") or 0),
        tuple(found["results"]),
    )


def check_catalog(path: Path, invocation: str) -> None:
    """What `docs generate` is for. Raises ResultsMissingError as `read_results` does."""
    _read_artifact(path, invocation, "nodes")


def _read_artifact(path: Path, invocation: str, part: str) -> dict[str, Any]:
    """dbt's file; `part`: what it must have besides metadata."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        # A part that is null is as bad as one that is absent.
        said, _ = str(found["metadata"]["invocation_id"]), len(found[part])
    except FileNotFoundError as fault:
        raise ResultsMissingError(f"dbt left no {path.name}: nobody knows what it has done") from fault
    except (ValueError, KeyError, TypeError) as fault:
        raise ResultsMissingError(f"dbt's {path.name} is not whole: {fault}") from fault
    if invocation and said != invocation:
        raise ResultsMissingError(
            f"dbt's {path.name} is of another invocation, {said} instead of {invocation}"
        )
    return found


def check_complete(expected: Iterable[str], results: Results) -> None:
    """Raises ResultsMissingError, naming some, when dbt was successful but said nothing of these nodes."""
    found = {entry.get("unique_id") for entry in results.entries}
    missing = sorted(set(expected) - found)
    if missing:
        more = "…" if len(missing) > 3 else ""
        raise ResultsMissingError(
            f"dbt ended without a word about {len(missing)} of the planned nodes: {', '.join(missing[:3])}{more}"
        )


def expected_of(plan: Plan) -> set[str]:
    """What dbt's results must name when everything went well; ephemeral models have no results of their own.

    Where dbt reads the project anew it may find other nodes than the plan has.
    """
    if plan.anew:
        return set()
    found = {
        node.unique_id
        for node in plan.nodes
        if node.resource_type in BUILT and node.materialized != "ephemeral"
    }
    return found | {test for node in plan.nodes for test in node.unit_tests}


def source_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An object of sources.json as a node's result: the same, with a message that a person can read."""
    if entry.get("error") is not None:
        message = str(entry["error"])
    else:
        age = float(entry.get("max_loaded_at_time_ago_in_s") or 0.0)
        message = f"loaded {_age(age)} ago, at {entry.get('max_loaded_at')}"
    return {**entry, "message": message}


def _age(seconds: float) -> str:
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {name}{'s' if number > 1 else ''}"
    return f"{int(seconds)} seconds"
