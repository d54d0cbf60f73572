"""Two real runners share a real build: what they leave equals what plain dbt leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from dbt.artifacts.schemas.run import RunResultsArtifact

from tests.integration.runner_stage import Stage, stage

DBT = Path(sys.executable).parent / "dbt"
EPHEMERAL = "model.small.half"
SMALL = Path(__file__).parents[1] / "fixtures" / "small"


@pytest.fixture(scope="module")
def small(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The small project, published once; its database is `small`."""
    with stage(postgres.database("small")) as on:
        on.publish(SMALL, tmp_path_factory.mktemp("bundle"))
        yield on


Plainly = Callable[..., Any]


@pytest.fixture
def plainly(postgres: Any, run_dbt: Any) -> Plainly:
    """The small project under plain dbt, in a database of its own that keeps the name the project expects."""

    def build(server: str = "small", **variables: str) -> Any:
        env = postgres.database(server)
        return run_dbt(SMALL, env | variables, "build")

    return build


def audit(postgres: Any) -> Counter[tuple[str, int]]:
    return Counter(postgres.query("small", "select what, results from analytics.audit"))


def outcomes(results: Any) -> dict[str, Any]:
    """What dbt says of each node, where it does not depend on time or names of files."""
    kept = ("status", "failures", "compiled", "relation_name")
    found = {r["unique_id"]: {name: r[name] for name in kept} for r in results}
    found.pop(EPHEMERAL, None)  # a failed one is recorded for its children; dbt's artifact leaves it out
    return found


def skips(results: Any) -> dict[str, str | None]:
    """What dbt says about what it left out."""
    return {
        r["unique_id"]: r["message"]
        for r in results
        if r["status"] == "skipped" and r["unique_id"] != EPHEMERAL
    }


def test_two_runners_build_the_shop_as_plain_dbt_does(
    postgres: Any, run_dbt: Any, untouched_shop: Path, tmp_path: Path
) -> None:
    env = postgres.database("shop")
    with stage(env) as on, ThreadPoolExecutor() as beside:
        building = beside.submit(run_dbt, untouched_shop, env, "build")
        on.publish(untouched_shop, tmp_path)
        plain, expected = building.result(), postgres.checksums("shop")
        postgres.database("shop")
        on.build()

        assert on.unfinished == set()
        assert on.statuses == plain.statuses
        assert {result.runner for result in on.results} == {1, 2}
        assert {node.claims for node in on.world.queue.nodes(*on.key) if node.position > 0} == {0, 1}
        merged = on.run_results()
        assert outcomes(merged["results"]) == outcomes(plain.results)
    assert postgres.checksums("shop") == expected
    assert postgres.query("shop", "select count(*) from analytics_audit.invocations") == [(2,)]


def test_skips_and_messages_are_those_of_plain_dbt(postgres: Any, small: Stage, plainly: Plainly) -> None:
    plain = plainly(SMALL_BROKEN="unit test,ephemeral,hook")
    expected, hooks = postgres.checksums("small"), audit(postgres)
    postgres.database("small")

    small.build(SMALL_BROKEN="unit test,ephemeral,hook")

    merged = small.run_results()
    assert outcomes(merged["results"]) == outcomes(plain.results)
    assert skips(merged["results"]) == skips(plain.results)
    assert audit(postgres) == hooks
    assert postgres.checksums("small") == expected


def test_relations_that_the_other_runner_built_or_dropped_are_known(postgres: Any, small: Stage) -> None:
    """`last` looks for the table `slow`; the views fall when `base` is built again, and are built elsewhere."""
    postgres.database("small")
    mine = ("model.small.base", "model.small.slow")
    others = ("model.small.view_one", "model.small.view_two", "model.small.last")
    for _ in range(2):
        small.build(twists=(f"never:{','.join(others)}", f"never:{','.join(mine)}"), SMALL_SLEEP="2")
        runners = {result.unique_id: result.runner for result in small.results}
        assert [runners[node] for node in (*mine, *others)] == [1, 1, 2, 2, 2]
        assert set(small.statuses.values()) == {"success", "pass", "warn", "no-op"}
        assert postgres.query("small", "select distinct kind from analytics.last") == [("table",)]

    assert postgres.query("small", "select distinct state from analytics.growing") == [("grown",)]
    lines = small.world.artifacts.logs(*small.key)
    assert {line["runner"] for line in lines} == {1, 2}
    assert {"model.small.slow", "seed.small.letters", None} <= {line["node"] for line in lines}
    assert all(set(line) == {"at", "runner", "node", "level", "message"} for line in lines)


def test_a_failed_build_leaves_artifacts_that_dbt_itself_can_retry(
    postgres: Any, small: Stage, plainly: Plainly, tmp_path: Path
) -> None:
    plain = plainly(SMALL_BROKEN="test")
    hooks = audit(postgres)
    postgres.database("small")
    small.build("dbt build --select letters+ base double_it", SMALL_BROKEN="test")
    assert audit(postgres) == hooks

    merged = small.run_results()
    manifest = json.loads(small.world.artifacts.get(*small.key, "manifest.json"))
    (tmp_path / "run_results.json").write_text(json.dumps(merged))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    assert outcomes(merged["results"]) == outcomes(plain.results)
    assert skips(merged["results"]) == skips(plain.results)
    read = RunResultsArtifact.read_and_check_versions(str(tmp_path / "run_results.json"))
    # An ephemeral model has a turn in the queue and, as in dbt, no place in the artifact.
    assert {r.unique_id for r in read.results} == set(small.statuses) - {EPHEMERAL}
    assert merged["args"]["which"] == "build"
    assert merged["args"]["select"] == ["letters+", "base", "double_it"]
    code = {r.unique_id: r.compiled_code for r in read.results if r.unique_id.startswith("model.")}
    assert {node: manifest["nodes"][node].get("compiled_code") for node in code} == code
    assert manifest["metadata"]["invocation_id"] == merged["metadata"]["invocation_id"]

    retry = subprocess.run(
        [str(DBT), "retry", "--state", str(tmp_path), "--project-dir", str(SMALL), "--profiles-dir", str(SMALL),
         "--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path)],
        env={"PATH": "", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", **small.variables},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert retry.returncode == 0, retry.stdout + retry.stderr
    retried = json.loads((tmp_path / "target" / "run_results.json").read_text())["results"]
    failed = {node for node, status in small.statuses.items() if status in ("fail", "skipped")}
    assert {r["unique_id"] for r in retried if not r["unique_id"].startswith("operation.")} == failed - {
        EPHEMERAL
    }
