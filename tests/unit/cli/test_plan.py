"""`headgate plan`: the summary, what is built and why, what is reused, when it ends; and its object."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.domain.build_state import BuildState
from headgate.domain.index import Index
from headgate.domain.job import Deadline, Environment, Job, JobsFile, ReusePolicy
from headgate.domain.reuse import versions_now
from headgate.usecases.preview_plan import preview_plan
from tests.builders import make_index, make_node

NO_VARS = "44136fa355b3678a"
NODES = [f"model.shop.{name}" for name in ("a", "b", "c", "d", "e")]


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@pytest.fixture
def shop(world: Any) -> Any:
    job = Job(
        "own",
        "production",
        ("dbt build",),
        reuse=ReusePolicy(unchanged=True),
        deadline=Deadline("23:59", "UTC"),
    )
    world.jobs.apply(JobsFile((Environment("production", "prod", "analytics"),), (job,), ()))
    index: Index = make_index(
        *(make_node(node, relation_name=node) for node in NODES),
        make_node("test.shop.not_null_a.0123456789", NODES[0]),
    )
    world.bundles._files["ab" * 32, f"{NO_VARS}/index.msgpack"] = index.encode()
    world.jobs.point_at("production", "ab" * 32)
    return world


def remember(world: Any, *unique_ids: str) -> None:
    (plan,) = preview_plan("own", ports=world).plans
    for node in plan.nodes:
        if node.unique_id in unique_ids:
            world.states.record(
                "production",
                BuildState(
                    node.unique_id,
                    version="1.1.1",
                    relation=node.relation,
                    fingerprint=node.fingerprint,
                    seen=versions_now(plan, node, {}),
                    built_at=world.clock.now(),
                    run_id=1,
                    status="success",
                ),
            )


def test_what_is_built_and_why_and_what_is_reused(headgate: Any, shop: Any) -> None:
    remember(shop, *NODES[1:])
    result = headgate("plan", "own")
    assert result.exit_code == 0, result.stderr
    shown = lines(result.stdout)
    assert shown[1] == "would build 2 of 6 nodes, reuse 4"
    assert "dbt build on 1 runner" in shown
    (built,) = [line for line in shown if line.startswith("● a ")]
    assert "missing never built here" in built
    assert [line for line in shown if "not_null_a" in line] == [
        "+ 1 test, missing (not_null_a)",
        "● longest path: a → not_null_a",
    ]
    (reused,) = [line for line in shown if line.startswith("↺")]
    assert reused == "↺ 4 reused, no_new_data (b, c, d and 1 more)"
    assert "● longest path: a → not_null_a" in shown
    assert any(line.startswith("ends about ") and "AWS $0.0" in line for line in shown)
    assert any(line.startswith("✓ over by 23:59 UTC with ") for line in shown)
    assert lines(result.stderr) == ["Next: headgate run own · headgate plan own --all"]


def test_on_demand_nothing_is_folded(headgate: Any, shop: Any) -> None:
    remember(shop, *NODES[1:])
    shown = lines(headgate("plan", "own", "--all").stdout)
    assert [line.split()[:2] for line in shown[4:10]] == [
        ["●", "a"],
        ["●", "test"],
        *(["↺", name] for name in "bcde"),
    ]
    assert not any("reused" in line for line in shown)


def test_nothing_to_build_starts_no_runner(headgate: Any, shop: Any) -> None:
    remember(shop, *NODES)
    shop.states.record_look("production", shop.clock.now())
    shown = lines(headgate("plan", "own", "--exclude", "not_null_a").stdout)
    assert "would build 0 of 5 nodes, reuse 5" in shown
    assert any(line.endswith(", no runner") for line in shown)


def test_a_selection_that_matches_nothing(headgate: Any, shop: Any) -> None:
    result = headgate("plan", "own", "--select", "tag:nobody")
    assert result.exit_code == 0
    assert "would build nothing: the selection matches no node" in lines(result.stdout)
    assert any("'tag:nobody' matches nothing" in line for line in lines(result.stdout))


def test_the_object(headgate: Any, shop: Any) -> None:
    remember(shop, *NODES[1:])
    found = json.loads(headgate("plan", "own", "--select", "a b", "--json").stdout)
    assert (found["schema_version"], found["job"], found["run_id"]) == (1, "own", None)
    assert found["counts"] == {"nodes": 3, "build": 2, "reuse": 1}
    (step,) = found["steps"]
    assert step["command"] == "dbt build --select 'a b'"
    reasons = {node["unique_id"]: (node["action"], node["reason"]) for node in step["nodes"]}
    assert (reasons[NODES[0]], reasons[NODES[1]]) == (("build", "missing"), ("reuse", "no_new_data"))


def test_exit_codes(headgate: Any, shop: Any) -> None:
    assert headgate("plan", "onw").exit_code == 5
    assert "did you mean own?" in headgate("plan", "onw").stderr
    assert headgate("plan", "own", "--select", "@a+").exit_code == 2
    shop.jobs.point_at("production", "cd" * 32)
    assert headgate("plan", "own").exit_code != 0
