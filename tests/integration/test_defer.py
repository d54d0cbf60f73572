"""A build over runners that defers to another environment refers to the same relations as plain dbt does.

The project is tests/fixtures/deferred. Its other environment, `live`, has every relation; its own has few.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.bundle import METADATA
from headgate.domain.decision import Action, Decision, Reason
from headgate.domain.job import Environment, JobsFile, RunnerSize
from headgate.usecases.publish_bundle import publish_bundle
from headgate_cli.bundle.build import build_bundle, variables_of
from tests.integration.runner_stage import Stage, stage

DEFERRED = Path(__file__).parents[1] / "fixtures" / "deferred"
DATABASE = "deferred"
LIVE = Environment("live", "live", "live", 4, RunnerSize(max=4))
# What the other environment has, and what its own has besides what a build makes.
THERE = ("missing", "present", "first", "second", "looked", "special", "third")
SOME = "--select first second looked special third parents_are_there not_null_missing_what"
# The second runner knows of what the first one builds by its record alone.
MINE, OTHERS = ("first", "special"), ("second", "looked", "third")
KEPT = ("status", "message", "failures", "compiled_code", "relation_name")


@dataclass(frozen=True)
class Two:
    """The stage with both environments published, and a folder with the other one's manifest for plain dbt."""

    on: Stage
    live: str
    state: Path


@pytest.fixture(scope="module")
def two(postgres: Any, run_dbt: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    scratch = tmp_path_factory.mktemp("bundles")
    with stage(postgres.database(DATABASE)) as on:
        on.publish(DEFERRED, scratch)
        on.world.jobs.apply(JobsFile((on.environment, LIVE), (), ()))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in on.variables.items():
                patch.setenv(name, value)
            folder = tmp_path_factory.mktemp("live")
            variables = variables_of([], LIVE.name)
            bundle = build_bundle(DEFERRED, LIVE, variables, scratch=folder, cache=folder / "cache")
        publish_bundle(bundle, LIVE.name, bundles=on.world.bundles, jobs=on.world.jobs)
        on.world.jobs.record_success(LIVE.name, bundle.digest, 1)
        parsed = run_dbt(DEFERRED, on.variables, "parse", "--target", "live")
        yield Two(on, bundle.digest, parsed.target)


def prepare(postgres: Any, own: dict[str, str]) -> None:
    postgres.database(DATABASE)
    tables = {f"live.{name}": f"live {name}" for name in THERE}
    tables |= {f"analytics.{name}": what for name, what in own.items()}
    for schema in ("live", "analytics"):
        postgres.query(DATABASE, f"create schema {schema}")
    for table, what in tables.items():
        postgres.query(DATABASE, f"create table {table} as select '{what}'::text as what")


def said(entries: Any) -> dict[str, dict[str, Any]]:
    found = {entry["unique_id"]: {name: entry[name] for name in KEPT} for entry in entries}
    return {node: result for node, result in found.items() if node != "model.deferred.inlined"}


def never(names: tuple[str, ...]) -> str:
    return "never:" + ",".join(f"model.deferred.{name}" for name in names)


def by_runners(two: Two, options: str) -> dict[str, dict[str, Any]]:
    two.on.build(f"dbt {options} --state live", twists=(never(OTHERS), never(MINE)))
    assert two.on.unfinished == set()
    return said(two.on.run_results()["results"])


@pytest.mark.parametrize(
    ("options", "read"),
    [
        (f"build --defer {SOME}", {"third": {"missing": "live", "present": "analytics", "special": "analytics"}}),
        (f"build --defer --favor-state {SOME}", {
            "third": {"missing": "live", "present": "live", "looked": "analytics", "special": "analytics"},
            "second": {"first": "analytics", "present": "live"},
        }),
        ("run --defer --select second third+", {"second": {"first": "live"}, "third": {"looked": "live"}}),
        ("test --defer --favor-state", {"parents_are_there": {"third": "live", "present": "live"}}),
    ],
)  # fmt: skip
def test_two_runners_refer_to_what_plain_dbt_refers_to(
    postgres: Any, run_dbt: Any, two: Two, options: str, read: dict[str, dict[str, str]]
) -> None:
    own = {"present": "own present"}
    prepare(postgres, own)
    plain = run_dbt(DEFERRED, two.on.variables, *shlex.split(options), "--state", str(two.state))
    expected, left = said(plain.results), postgres.checksums(DATABASE)
    prepare(postgres, own)

    found = by_runners(two, options)

    assert found == expected
    assert postgres.checksums(DATABASE) == left
    code = {node.split(".")[2]: result["compiled_code"] for node, result in found.items()}
    for node, parents in read.items():
        for parent, schema in parents.items():
            assert f'"{DATABASE}"."{schema}"."{parent}"' in code[node], code[node]


def test_a_parent_that_is_reused_is_the_one_that_is_there(postgres: Any, two: Two) -> None:
    prepare(postgres, {"first": "own first", "present": "own present"})
    on = two.on
    command = "dbt build --defer --favor-state --state live --select first second"
    reused = Decision(Action.REUSE, Reason.NO_NEW_DATA, "nothing changed")
    nodes = tuple(
        replace(node, decision=reused) if node.unique_id == "model.deferred.first" else node
        for node in on.begin(command).nodes
    )
    on.begin(command, 1, nodes=nodes)
    runner = on.start(1)
    assert runner.wait() == 0, runner.output + runner.errors

    assert on.statuses["model.deferred.first"] == "reused"
    rows = postgres.query(DATABASE, "select what from analytics.second order by 1")
    assert rows == [("live present",), ("own first, second",)]


def test_a_state_that_is_gone_or_of_another_project_halts_the_step(two: Two) -> None:
    on = two.on
    other = "f" * 64
    metadata = on.world.bundles.read(two.live, METADATA).replace(b'"deferred"', b'"shop"')
    on.world.bundles._files[other, METADATA] = metadata
    cases = {
        "e" * 64: "bundle eeeeeeeeeeee is gone",
        other: "--state live is the project shop",
        "": "no bundle",
    }
    for bundle, words in cases.items():
        on.begin("dbt build --defer --state live", 1, state_bundle=bundle)
        runner = on.start(1)
        assert runner.wait() == 0, runner.output + runner.errors
        assert words in (on.halted or ""), bundle
        assert on.statuses == {}
