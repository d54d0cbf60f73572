-- Each weekday's mean over the trailing four weeks, carried forward for the two weeks after the last day.
with history as (
    select
        daily.revenue_date,
        dates.day_of_week,
        daily.net_revenue_eur
    from {{ ref('fct_daily_revenue') }} as daily
    inner join {{ ref('dim_dates') }} as dates on daily.revenue_date = dates.date_day
    where daily.revenue_date > '{{ var("last_day") }}'::date - 28
),

means as (
    select
        day_of_week,
        avg(net_revenue_eur) as mean_revenue_eur
    from history
    group by day_of_week
),

ahead as (
    select ('{{ var("last_day") }}'::date + step) as forecast_date
    from generate_series(1, 14) as step
)

select
    ahead.forecast_date,
    round(means.mean_revenue_eur, 2) as expected_revenue_eur
from ahead
inner join means on extract(isodow from ahead.forecast_date)::integer = means.day_of_week
