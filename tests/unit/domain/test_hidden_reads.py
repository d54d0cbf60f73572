"""Which SQL reads a table that dbt knows nothing of."""

from __future__ import annotations

import pytest

from headgate.domain.hidden_reads import hidden_in
from headgate.domain.sql_text import read_code

HIDDEN = [
    "select * from raw.orders",
    "with orders as (select * from orders) select * from orders",
    "select * from (select * from raw.a) x",
    "select * from {{ ref('a') }} a, raw.b",
    "select * from {{ ref('a') }} a, {{ ref('b') }} b where x in (select y from raw.z)",
    "select * from {{ ref('a') }} as a join raw.b on true",
    "select * from {{ target.schema }}.orders",
    'select * from "raw"."orders"',
    "select * from `p.d.t`",
    "{% set r = run_query('select max(x) from raw.t') %} select 1",
    "select * from read_csv('x.csv')",
    "select * from 'x.parquet'",
    "select * from {{ var('source_table') }}",
    "{% set t = 'raw.orders' %} select * from {{ t }}",
    "select * from @stage/x",
    "select * from orders",
    "select * from only raw.t",
    "select * from ( {{ ref('a') }} join raw.b on 1=1 )",
    "select * from (raw.b)",
    "select trim(both from (select x from raw.y))",
    "select * from {{ source('raw','x') }} , \n b.c",
    "merge into {{ this }} as t using raw.orders as o on t.id = o.id when matched then delete",
    "delete {{ this }} t using raw.gone where t.id = gone.id",
]
OPEN = [
    "select * from {{ ref('a') }}",
    "with a as (select * from {{ ref('a') }}) select * from a",
    "select extract(year from o.created_at) from {{ ref('o') }} o",
    "select trim(both from name), trim(leading 'x' from name) from {{ ref('o') }}",
    "select a is distinct from b, c from {{ ref('o') }}",
    "select a is not distinct from b.x from {{ ref('o') }}",
    "select substring(x from 1 for 2) from {{ ref('o') }}",
    "select * from generate_series(1,2)",
    "select * from generate_series(1,2) as g(n)",
    "select * from (select * from {{ ref('a') }}) x",
    "select * from {{ ref('a') }} a cross join unnest(a.x) u",
    "select * from {{ ref('a') }} a, lateral flatten(input => a.x) f",
    "select * from {{ ref('a') }} a, unnest(a.x)",
    "select * from {{ ref('a') }} a, a.items i",
    "select 'from raw.x' as s from {{ ref('a') }}",
    "-- from raw.x\nselect 1 from {{ ref('a') }}",
    "{% set r = run_query('select max(x) from ' ~ ref('a')) %} select 1",
    "with recursive t as (select 1 union all select n+1 from t) select * from t",
    "with a as (select 1), b as (select * from a) select * from b join a using (x)",
    "with {{ n }} as (select 1) select * from {{ n }}",
    "select * from values (1),(2)",
    "select * from (values (1)) v(x)",
    "select * from {{ this }}",
    "merge into {{ this }} t using {{ ref('a') }} o on t.id = o.id",
    "merge into {{ this }} t using (select * from {{ ref('a') }}) o on t.id = o.id",
    "create index x on {{ this }} using btree (id)",
    "{% set t = ref('orders') %} select * from {{ t }}",
    "with x as (select 1) select * from x as y, y.z",
    "select * from ({{ ref('a') }})",
    "select from_date, join_date from {{ ref('a') }}",
    "select * from\n{% if x %}{{ ref('a') }}{% else %}{{ ref('b') }}{% endif %}",
    "with a (x, y) as (select 1,2) select * from a",
    "with a as materialized (select 1) select * from a",
    "select * from table(generator(rowcount => 10))",
    "select 1 from {{ ref('a') }} a where exists (select 1 from {{ ref('b') }} b where b.x is distinct from a.x)",
    "select extract(epoch from (a - b)) from {{ ref('x') }}",
    'with "a" as (select 1) select * from a',
    "with a as (select 1) select * from A",
    "delete from {{ this }} where x",
    "select * from {{ ref('a') }} t left join lateral (select * from {{ ref('b') }} b where b.i = t.i) x on true",
    "select x, {{ dbt_utils.star(from=ref('a')) }} from {{ ref('a') }}",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_it_reads_behind_the_back_of_dbt(text: str) -> None:
    assert hidden_in(read_code(text), raw=text)


@pytest.mark.parametrize("text", OPEN)
def test_all_that_it_reads_is_known(text: str) -> None:
    assert hidden_in(read_code(text), raw=text) == ""


def test_in_a_macro_only_a_name_with_a_dot_is_a_table() -> None:
    for text, name in (
        ("{% macro m() %} select * from orders {% endmacro %}", ""),
        ("{% macro m(t) %} select * from {{ t }} {% endmacro %}", ""),
        ("{% macro m(s) %} select * from {{ s }}.orders {% endmacro %}", ""),
        ("{% macro m() %} select * from raw.orders {% endmacro %}", "raw.orders"),
    ):
        assert hidden_in(read_code(text), raw=text, is_macro=True) == name
