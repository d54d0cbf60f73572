{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key='revenue_date',
        on_schema_change='fail',
        tags=['daily']
    )
}}

with orders as (
    select
        ordered_on,
        count(*) as orders,
        sum(paid_eur) as paid_eur,
        sum(net_revenue_eur) as net_revenue_eur
    from {{ ref('fct_orders') }}
    group by ordered_on
)

select
    dates.date_day as revenue_date,
    dates.month_start,
    coalesce(orders.orders, 0)::integer as orders,
    coalesce(orders.paid_eur, 0) as paid_eur,
    coalesce(orders.net_revenue_eur, 0) as net_revenue_eur
from {{ ref('dim_dates') }} as dates
left join orders on dates.date_day = orders.ordered_on
{% if is_incremental() %}
where dates.date_day >= (
    select coalesce(max(revenue_date), '{{ var("first_day") }}'::date) from {{ this }}
) - {{ var('incremental_lookback_days') }}
{% endif %}
