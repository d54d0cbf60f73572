"""Which nodes a retry builds again. That the rule is dbt's is shown in tests/integration/test_retry_equals_dbt.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from headgate.domain.plan import Plan
from headgate.domain.queue import NodeRecord, initial_records
from headgate.domain.results import NodeStatus
from headgate.domain.retry import retry_set
from tests.plans import plan_of, result_of, reusing

A, B, C = "model.shop.a", "model.shop.b", "model.shop.c"
UNIT, TEST = "unit_test.shop.b.one", "test.shop.t"
PLAN = plan_of({A: (), TEST: (A,), B: (TEST,), C: (B,)}, unit_tests={B: (UNIT,)})
GOOD = {A: "success", TEST: "pass", UNIT: "pass", B: "success", C: "success"}


def records(plan: Plan, statuses: Mapping[str, str]) -> list[NodeRecord]:
    return [
        replace(record, result=result_of(record.unique_id, NodeStatus(statuses[record.unique_id])))
        if record.unique_id in statuses
        else record
        for record in initial_records(plan)
    ]


def again(statuses: Mapping[str, str], **options: object) -> set[str]:
    return retry_set(PLAN, records(PLAN, statuses), **options)  # type: ignore[arg-type]


def test_nothing_when_all_went_well() -> None:
    assert again(GOOD) == set()
    assert again(GOOD | {TEST: "warn", C: "no-op"}) == set()


@pytest.mark.parametrize("status", ["error", "skipped", "partial success", "runtime error"])
def test_what_failed_and_nothing_else(status: str) -> None:
    assert again(GOOD | {C: status}) == {C}


def test_what_never_began_or_never_ended() -> None:
    assert again({A: "success", TEST: "pass"}) == {B, C, UNIT}
    assert again({}) == {A, TEST, B, C, UNIT}


def test_a_model_that_failed_after_its_unit_test_passed_is_built_alone() -> None:
    assert again(GOOD | {B: "error", C: "skipped"}) == {B, C}


def test_a_unit_test_is_never_repeated_without_its_model() -> None:
    assert again(GOOD | {UNIT: "fail"}) == {UNIT, B}


def test_a_failed_test_alone_or_with_what_it_looked_at() -> None:
    statuses = GOOD | {TEST: "fail", B: "skipped", UNIT: "skipped", C: "skipped"}
    tested = {TEST: (A, "source.shop.raw.orders"), UNIT: (B,)}
    assert again(statuses, tested=tested) == {TEST, B, UNIT, C}
    assert again(statuses, scope="model_and_test", tested=tested) == {A, TEST, B, UNIT, C}


def test_a_test_that_was_skipped_found_nothing_out() -> None:
    statuses = {A: "success", TEST: "skipped", B: "skipped", UNIT: "skipped", C: "skipped"}
    assert again(statuses, scope="model_and_test", tested={TEST: (A,)}) == {TEST, B, UNIT, C}


def test_what_was_reused_went_well_and_nobody_misses_the_unit_tests_of_it() -> None:
    plan = reusing(PLAN, A, TEST, B)
    assert retry_set(plan, records(plan, {C: "error"})) == {C}
    # The opening found that its relation is not there, and its unit test never ran.
    assert retry_set(plan, records(plan, {B: "error", C: "skipped"})) == {B, C, UNIT}
