{{ config(materialized='table') }}

-- Rates are published on banking days; every other day keeps the last one before it.
with days as (
    select generate_series(
        '{{ var("first_day") }}'::date, '{{ var("last_day") }}'::date + 14, interval '1 day'
    )::date as rate_date
),

published as (
    select * from {{ ref('stg_treasury__exchange_rates') }}
),

carried as (
    select
        days.rate_date,
        published.currency,
        published.eur_per_unit,
        row_number() over (
            partition by days.rate_date, published.currency order by published.rate_date desc
        ) as age
    from days
    inner join published
        on published.rate_date <= days.rate_date
        and published.rate_date > days.rate_date - 7
)

select rate_date, currency, eur_per_unit
from carried
where age = 1

union all

select rate_date, 'EUR', 1.000000
from days
