with days as (
    select generate_series(
        '{{ var("first_day") }}'::date, '{{ var("last_day") }}'::date, interval '1 day'
    )::date as date_day
)

select
    date_day,
    date_trunc('week', date_day)::date as week_start,
    date_trunc('month', date_day)::date as month_start,
    extract(isodow from date_day)::integer as day_of_week,
    extract(isodow from date_day) >= 6 as is_weekend
from days
