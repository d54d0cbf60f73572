{{ config(tags=['daily']) }}

select
    dates.date_day as traffic_date,
    sessions.channel,
    count(*)::integer as sessions,
    count(distinct sessions.customer_id)::integer as known_customers,
    round(avg(sessions.pages_viewed), 2) as mean_pages
from {{ ref('dim_dates') }} as dates
inner join {{ ref('stg_storefront__sessions') }} as sessions
    on dates.date_day = sessions.started_on
group by 1, 2
