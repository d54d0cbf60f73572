"""A retry builds what `dbt retry` would build, in the same order.

Outcomes are made up at random, but as dbt's own builds end: whatever lies below a failure is skipped. dbt reads them
from a run_results.json and answers by its own retry task (dbt_oracle.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from headgate.domain.command import Command
from headgate.domain.plan import Plan
from headgate.domain.queue import NodeRecord, initial_records
from headgate.domain.results import BLOCKING, NodeStatus, merge_run_results
from headgate.domain.retry import MODEL_AND_TEST, retry_set
from tests.integration.oracle import PROJECTS, Project, assert_same_order, parsed
from tests.plans import result_of

OUTCOMES = 200
METADATA = {
    "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
    "dbt_version": "1.11.16",
    "generated_at": "2026-01-01T00:00:00Z",
    "invocation_id": "00000000-0000-0000-0000-000000000000",
    "env": {},
}
COMMANDS = [
    *["dbt build"] * 6,
    "dbt build --resource-type model test",
    "dbt build --exclude resource_type:seed",
    "dbt build --select test_type:unit+ @tag:finance",
    "dbt run",
    "dbt run --select +exposure:*",
    "dbt test",
    "dbt test --select test_type:unit",
    "dbt seed",
    "dbt snapshot",
]
ENDS = {
    "test": ["pass", "pass", "pass", "warn", "fail", "error"],
    "unit_test": ["pass", "pass", "pass", "fail", "error"],
    "exposure": ["no-op"],
    "saved_query": ["no-op"],
}
ENDS_OF_A_BUILD = ["success", "success", "success", "success", "error", "partial success"]


@pytest.fixture(scope="module", params=PROJECTS)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with parsed(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def outcome(plan: Plan, random: Random) -> dict[str, NodeStatus]:
    """How each node of the plan ended. Some outcomes are bad, some good all over."""
    luck = random.choice([0.0, 0.2, 0.6, 1.0])
    ends: dict[str, NodeStatus] = {}

    def end(unique_id: str, kind: str) -> NodeStatus:
        found = ENDS.get(kind, ENDS_OF_A_BUILD)
        return NodeStatus(random.choice(found) if random.random() < luck else found[0])

    for node in plan.nodes:
        if any(ends[parent] in BLOCKING for parent in node.parents):
            ends |= dict.fromkeys((*node.unit_tests, node.unique_id), NodeStatus.SKIPPED)
            continue
        for unit_test in node.unit_tests:
            ends[unit_test] = end(unit_test, "unit_test")
        failed = any(ends[unit_test] in BLOCKING for unit_test in node.unit_tests)
        ends[node.unique_id] = NodeStatus.SKIPPED if failed else end(node.unique_id, node.resource_type)
    return ends


def records_of(plan: Plan, ends: Mapping[str, NodeStatus]) -> list[NodeRecord]:
    return [
        replace(record, result=result_of(record.unique_id, ends[record.unique_id]))
        if record.unique_id in ends
        else record
        for record in initial_records(plan)
    ]


def run_results(plan: Plan, ends: Mapping[str, NodeStatus]) -> dict[str, Any]:
    entries = {
        "timing": [],
        "thread_id": "Thread-1",
        "adapter_response": {},
        "failures": None,
        "compiled": None,
        "compiled_code": None,
        "relation_name": None,
        "batch_results": None,
    }
    results = [result_of(unique_id, status, **entries) for unique_id, status in ends.items()]
    # Hooks have results too; neither dbt nor we repeat them by themselves.
    results.append(result_of("operation.shop.shop-on-run-end-0", NodeStatus.ERROR, **entries))
    return merge_run_results(results, metadata=METADATA, args={"which": plan.command.verb}, elapsed=1.0)


@pytest.mark.parametrize("seed", range(OUTCOMES))
def test_the_set_is_that_of_dbt_retry(project: Project, seed: int) -> None:
    random = Random(seed)
    command = Command.parse(random.choice(COMMANDS))
    plan = project.plan(command)
    ends = outcome(plan, random)
    again = retry_set(plan, records_of(plan, ends))
    dbt = project.build.retry(run_results(plan, ends))
    assert sorted(again) == dbt["nodes"]
    assert_same_attached(project.plan(command, only=again), dbt)


def assert_same_attached(plan: Plan, dbt: Mapping[str, Any]) -> None:
    """The same nodes in the same order; of a build, unit tests ride with their model instead of following it."""
    attached = {test for node in plan.nodes for test in node.unit_tests}
    assert attached | {node.unique_id for node in plan.nodes} == set(dbt["nodes"])
    edges = [edge for edge in dbt["edges"] if not attached & set(edge)]
    assert_same_order(plan, [node for node in dbt["nodes"] if node not in attached], edges)


@pytest.mark.parametrize("seed", range(20))
def test_what_dbt_cannot_know_is_repeated_as_well(project: Project, seed: int) -> None:
    """A killed or cancelled run never came to some nodes: they are in no run_results.json, but in our records."""
    random = Random(seed)
    plan = project.plan(Command("build"))
    ends = outcome(plan, random)
    begun = plan.nodes[: random.randrange(len(plan.nodes))]
    known = {unique_id for node in begun for unique_id in (node.unique_id, *node.unit_tests)}
    ended = {unique_id: status for unique_id, status in ends.items() if unique_id in known}
    dbt = set(project.build.retry(run_results(plan, ended))["nodes"])
    again = retry_set(plan, records_of(plan, ended))
    assert again == dbt | (set(ends) - set(ended))


def test_the_outcomes_are_of_every_kind(project: Project) -> None:
    """Otherwise the tests above could agree about nothing."""
    plan = project.plan(Command("build"))
    ended = [outcome(plan, Random(seed)) for seed in range(OUTCOMES)]
    assert {status for ends in ended for status in ends.values()} >= BLOCKING | {NodeStatus.WARN}
    sizes = {len(retry_set(plan, records_of(plan, ends))) for ends in ended}
    assert 0 in sizes
    assert len(sizes) > 8


def test_a_wider_scope_adds_what_failed_tests_looked_at_and_nothing_else(project: Project) -> None:
    plan = project.plan(Command("build"))
    tested = {node.unique_id: node.depends_on for node in project.index.nodes.values()}
    for seed in range(50):
        ends = outcome(plan, Random(seed))
        records = records_of(plan, ends)
        wide = retry_set(plan, records, scope=MODEL_AND_TEST, tested=tested)
        failed = [test for test, status in ends.items() if status == "fail"]
        looked_at = {model for test in failed for model in tested[test]} & set(ends)
        assert wide >= looked_at
        narrow = retry_set(plan, records)
        assert wide - narrow <= {model for test in narrow for model in tested[test]}
