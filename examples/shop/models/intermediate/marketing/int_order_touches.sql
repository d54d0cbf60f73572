{{ config(materialized='table') }}

-- Every visit that a customer paid the shop in the days before an order, the last one that a campaign or a
-- search brought first; direct visits count only where there is nothing else.
select
    orders.order_id,
    sessions.session_id,
    sessions.channel,
    sessions.campaign_id,
    sessions.started_at,
    row_number() over (
        partition by orders.order_id
        order by (sessions.channel = 'direct'), sessions.started_at desc, sessions.session_id
    )::integer as touch_rank
from {{ ref('stg_storefront__orders') }} as orders
inner join {{ ref('stg_storefront__sessions') }} as sessions
    on orders.customer_id = sessions.customer_id
    and sessions.started_at < orders.ordered_at
    and sessions.started_at >= orders.ordered_at - interval '{{ var("attribution_window_days") }} days'
