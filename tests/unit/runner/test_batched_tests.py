"""The common query of several tests, and what keeps a test out of it; dbt's part is given."""

from types import SimpleNamespace
from typing import Any

import pytest

from headgate_runner.batched_tests import Answers, BatchedTests, part_of, plain, statement

MODEL = '"db"."core"."orders"'


def test_each_kind_is_counted_as_its_own_query_counts() -> None:
    given: dict[str, Any] = {"model": MODEL, "column_name": "id"}
    missing = part_of(
        "t1", "not_null", given, '\n\n select id\nfrom "db"."core"."orders"\nwhere id is null\n'
    )
    twice = part_of("t2", "unique", given, "select anything")
    accepted = """
        with all_values as ( select id as value_field, count(*) as n_records from "db"."core"."orders" group by id )
        select * from all_values where value_field not in ( 'a','it''s' )
    """
    foreign = part_of("t3", "accepted_values", given | {"values": ["a", "it''s"]}, accepted)
    assert missing is not None
    assert twice is not None
    assert foreign is not None
    assert plain(statement([missing, twice, foreign])) == plain("""
        select failures_0, failures_1, failures_2 from
        (select count(case when id is null then 1 end) as failures_0,
                count(distinct case when (id) not in ('a','it''s') then (id) end) as failures_2
         from "db"."core"."orders") scanned
        cross join (select count(*) as failures_1 from (select anything) dbt_internal_test) counted_1
    """)


@pytest.mark.parametrize(
    ("kind", "more", "code"),
    [
        ("not_null", {}, 'select id from "db"."core"."orders" where id is null or id is null'),
        ("not_null", {}, 'select * from "db"."core"."orders" where id is null'),
        ("accepted_values", {"values": [1]}, 'select id from "db"."core"."orders" where id not in (1)'),
    ],
)
def test_code_that_a_macro_of_the_projects_made_is_not_guessed(
    kind: str, more: dict[str, Any], code: str
) -> None:
    assert part_of("t1", kind, {"model": MODEL, "column_name": "id", **more}, code) is None


def test_only_the_runners_of_its_tests_know_the_answers() -> None:
    batches = BatchedTests.__new__(BatchedTests)
    batches._here = SimpleNamespace(answers=Answers({"t1": 3}, {"code": "SELECT", "batched": 2}, 0.5))  # type: ignore[assignment]
    built: list[float] = []
    one, other = (
        SimpleNamespace(
            node=SimpleNamespace(unique_id=test),
            from_run_result=lambda _result, start_time, _timing: built.append(start_time),
        )
        for test in ("t1", "t2")
    )
    batches.equip(one)
    batches.equip(other)
    data = one.execute_data_test(one.node, None)
    assert (data.failures, data.should_warn, data.should_error) == (3, True, True)
    assert data.adapter_response == {"code": "SELECT", "batched": 2}
    one.from_run_result(None, 10.0, [])
    assert built == [9.5]
    assert not hasattr(other, "execute_data_test")


def test_a_query_that_was_cancelled_is_every_tests_own_error() -> None:
    batches = BatchedTests.__new__(BatchedTests)
    batches._here = SimpleNamespace(answers=Answers({"t1": 0}, {}, 0.0, RuntimeError("cancelled")))  # type: ignore[assignment]
    one = SimpleNamespace(node=SimpleNamespace(unique_id="t1"), from_run_result=None)
    batches.equip(one)
    with pytest.raises(RuntimeError, match="cancelled"):
        one.execute_data_test(one.node, None)
