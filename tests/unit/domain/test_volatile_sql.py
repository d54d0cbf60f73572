"""Which code depends on more than code and data."""

from __future__ import annotations

import pytest

from headgate.domain.sql_text import read_code
from headgate.domain.volatile_sql import volatile_in

VOLATILE = [
    "select current_date",
    "select now()",
    "select pg_catalog.now()",
    "{{ dbt.current_timestamp() }}",
    "{{ dbt.datediff('a', 'current_date', 'day') }}",
    "{{ run_started_at }}",
    "'{{ run_started_at }}'",
    "{{ modules.datetime.datetime.now() }}",
    "{{ env_var('A') }}",
    "select uuid()",
    "{% for n in graph.nodes.values() %}{% endfor %}",
    "select 'now'::timestamp",
    "select age(x)",
    "select date('now')",
    "{% set r = adapter.get_relation('a','b','c') %}",
    "select nextval('seq')",
    "select convert_timezone('UTC', getdate())",
    "select sysdate",
    "select date_trunc('day', current_timestamp)",
    "select newid()",
    "select rand()",
    "{{ dbt_date.today() }}",
    "{{ current_timestamp() }}",
]
STEADY = [
    "select o.random_id from x",
    "select 'now()' as x",
    "-- now()\nselect 1",
    "select o.current_date",
    'select "current_date"',
    "select random_id, uuid from x",
    "{% if flags.FULL_REFRESH %}{% endif %}",
    "select status = 'now'",
    "select age(x, y)",
    "select average from x",
    "{% set r = adapter.get_relation(this.database, this.schema, this.name) %}",
    "{% if load_relation(this) %}{% endif %}",
    "{% if load_relation(target_relation) is not none %}{% endif %}",
    "select event_time, updated_at, date(x)",
    "select session_id, timestamp_x, known from x",
    "{{ snowplow.current_time }}",
    'select "now()"',
    "{# now() #} select 1",
    "select current_date_utc, current_users from x",
    "select a as knows",
    "{{ dbt_utils.pivot('status', ['now', 'later']) }}",
]


@pytest.mark.parametrize("text", VOLATILE)
def test_it_is_volatile(text: str) -> None:
    assert volatile_in(read_code(text), raw=text)


@pytest.mark.parametrize("text", STEADY)
def test_it_is_not(text: str) -> None:
    assert volatile_in(read_code(text), raw=text) == ""


def test_the_name_is_said_as_it_is_written() -> None:
    for text, name in (
        ("select current_date - 1", "current_date"),
        ("select NOW ( )", "now"),
        ("{{ env_var('REGION', 'eu') }}", "env_var REGION"),
    ):
        assert volatile_in(read_code(text), raw=text) == name


def test_what_can_be_read_in_two_ways_is_read_as_volatile() -> None:
    text = r"select 'it\'s', now() -- 'x"
    assert volatile_in(read_code(text), raw=text)
