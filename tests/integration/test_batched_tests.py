"""Tests that share a query have the results that plain dbt gives each of them alone; on a real Postgres.

The project is tests/fixtures/batched; a second one is made up of random tables.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import psycopg2
import pytest

from headgate.domain.bundle import INDEX, named
from headgate.domain.index import Index
from headgate.domain.job import RetryPolicy
from headgate.domain.plan import PlannedNode
from headgate.domain.test_batches import batched
from tests.integration.runner_stage import Stage, stage

BATCHED = Path(__file__).parents[1] / "fixtures" / "batched"
DATABASE = "batched"
KEPT = ("status", "message", "failures", "compiled_code", "relation_name")


@pytest.fixture(scope="module")
def published(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(postgres.database(DATABASE)) as on:
        on.publish(BATCHED, tmp_path_factory.mktemp("bundle"))
        yield on


def in_batches(on: Stage, command: str) -> tuple[PlannedNode, ...]:
    plan = on.begin(command)
    index = Index.decode(on.world.bundles.read(plan.bundle, named(plan.command.vars_digest, INDEX)))
    nodes = batched(plan.nodes, index, store_failures=plan.command.store_failures)
    assert {node.unique_id for node in nodes} == {node.unique_id for node in plan.nodes}
    return nodes


def build(on: Stage, command: str, runners: int = 2, **variables: str) -> dict[str, Any]:
    """What became of a run whose tests share queries: run_results by unique_id."""
    on.begin(command, runners, nodes=in_batches(on, command))
    started = [on.start(number, **variables) for number in range(1, runners + 1)]
    codes = [runner.wait(120) for runner in started]
    assert codes == [0] * runners, "\n".join(runner.output + runner.errors for runner in started)
    assert on.unfinished == set()
    return {entry["unique_id"]: entry for entry in on.run_results()["results"]}


def said(entries: Any) -> dict[str, dict[str, Any]]:
    text = re.sub(r"compiled code at [^\s\"\\]+", "compiled code", json.dumps(list(entries)))
    return {entry["unique_id"]: {name: entry[name] for name in KEPT} for entry in json.loads(text)}


def name_of(unique_id: str) -> str:
    return unique_id.split(".")[2]


def shared(results: dict[str, Any]) -> dict[str, int]:
    """Names of the tests that shared a query -> how many did."""
    found = {node: (entry["adapter_response"] or {}).get("batched") for node, entry in results.items()}
    return {name_of(node): number for node, number in found.items() if number}


@pytest.mark.parametrize(("rows", "status"), [("bad", "skipped"), ("good", "success"), ("none", "success")])
def test_every_test_has_the_result_that_plain_dbt_gives_it(
    postgres: Any, run_dbt: Any, published: Stage, rows: str, status: str
) -> None:
    variables = postgres.database(DATABASE) | {"BATCHED_ROWS": rows}
    plain = run_dbt(BATCHED, variables, "build")
    expected, left = said(plain.results), postgres.checksums(DATABASE)
    postgres.database(DATABASE)

    found = build(published, "dbt build", BATCHED_ROWS=rows)

    inlined = "model.batched.inlined"
    assert said(found.values()) == {node: result for node, result in expected.items() if node != inlined}
    assert postgres.checksums(DATABASE) == left
    assert found["model.batched.after_mixed"]["status"] == status
    together = shared(found)
    # Alone: those with a config of their own, of an ephemeral model, and those of `other`, whose query fails: json has
    # no equality, and a column is not there.
    alone = {"id_is_there_where_it_matters", "known_letters_or_warn"}
    tests = {name_of(node) for node in found if node.startswith("test.")}
    of_other = {name for name in tests if "other" in name or "inlined" in name}
    assert together.keys() == tests - alone - of_other
    assert set(together.values()) == {len(together)}
    lines = [line["message"] for line in published.world.artifacts.logs(*published.key)]
    for node, entry in found.items():
        if entry["status"] == "fail":
            assert any(name_of(node) in line and "FAIL" in line for line in lines), node


def test_a_missing_relation_and_failing_fast_and_stored_failures(
    postgres: Any, run_dbt: Any, published: Stage
) -> None:
    variables = postgres.database(DATABASE) | {"BATCHED_ROWS": "bad"}
    for command in ("test --select mixed", "build --select mixed after_mixed --store-failures"):
        plain = run_dbt(BATCHED, variables, *shlex.split(command))
        expected = said(plain.results)
        postgres.database(DATABASE)
        found = build(published, f"dbt {command}", BATCHED_ROWS="bad")
        assert said(found.values()) == expected
        assert shared(found) == {}
        postgres.database(DATABASE)

    found = build(published, "dbt build --fail-fast --select mixed after_mixed+", BATCHED_ROWS="bad")
    assert found["model.batched.after_mixed"]["status"] == "skipped"
    assert {found[node]["status"] for node in found if name_of(node) in shared(found)} == {"pass", "fail"}


def test_a_common_query_that_takes_too_long_is_cancelled_and_every_test_says_so(
    postgres: Any, run_dbt: Any, published: Stage
) -> None:
    variables = postgres.database(DATABASE)
    run_dbt(BATCHED, variables, "run", "--select", "mixed")
    nodes = in_batches(published, "dbt test --select mixed")
    limited = tuple(replace(node, timeout_seconds=1.0) for node in nodes if node.leader or node.batch)
    blocker = psycopg2.connect(host=postgres.host, port=postgres.port, user=postgres.user, dbname=DATABASE)
    with closing(blocker), blocker.cursor() as cursor:
        cursor.execute("lock table analytics.mixed in access exclusive mode")
        published.begin("dbt test --select mixed", 1, nodes=limited, retries=RetryPolicy(max=0))
        runner = published.start(1)
        assert runner.wait(120) == 0, runner.output + runner.errors
    messages = {result.message for result in published.results}
    assert messages == {"timed out after 1s"}
    assert len(published.results) == len(limited) > 5
    # They are not tried one after the other, when there is no time left.
    assert "each is run alone" not in runner.output


def random_project(folder: Path, random: Random, tables: int = 20) -> Path:
    """Tables of random rows, each with the random tests of one model."""
    shutil.copytree(BATCHED, folder)
    shutil.rmtree(folder / "models")
    models: list[dict[str, Any]] = []
    for number in range(tables):
        rows = [
            (
                random.choice(["null", "1", "2", "3", "0"]),
                random.choice(["null", "'a'", "'b'", "' '", "'it''s'"]),
            )
            for _ in range(random.randrange(6))
        ]
        listed = " union all ".join(f"select {a}::int as a, {b}::text as b" for a, b in rows)
        name = f"t{number}"
        file = folder / "models" / f"{name}.sql"
        file.parent.mkdir(exist_ok=True)
        file.write_text(listed or "select null::int as a, null::text as b where false")
        models.append({"name": name, "columns": [random_tests(random, column) for column in ("a", "b")]})
    (folder / "models" / "models.yml").write_text(json.dumps({"models": models}))
    return folder


def random_tests(random: Random, column: str) -> dict[str, Any]:
    values = random.sample(["1", "2", "0"] if column == "a" else ["a", "b", " ", "it''s", "z"], 2)
    quote = column == "b" or random.random() < 0.5
    accepted = {"accepted_values": {"arguments": {"values": values, "quote": quote}}}
    tests: list[Any] = ["not_null", "unique", accepted]
    return {"name": column, "data_tests": random.sample(tests, random.randrange(1, 4))}


def test_random_tables_under_random_tests(postgres: Any, run_dbt: Any, tmp_path: Path) -> None:
    project = random_project(tmp_path / "project", Random("headgate"))
    with stage(postgres.database(DATABASE)) as on:
        plain = run_dbt(project, on.variables, "build")
        (tmp_path / "bundle").mkdir()
        on.publish(project, tmp_path / "bundle")
        postgres.database(DATABASE)

        found = build(on, "dbt build")

        assert said(found.values()) == said(plain.results)
        assert {entry["status"] for entry in found.values()} == {"success", "pass", "fail"}
        assert len(shared(found)) > 50
