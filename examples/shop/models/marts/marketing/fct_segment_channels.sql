select
    segments.segment,
    attributed.channel,
    count(*)::integer as orders,
    sum(attributed.net_revenue_eur) as revenue_eur
from {{ ref('fct_attributed_orders') }} as attributed
inner join {{ ref('customer_segments') }} as segments
    on attributed.customer_id = segments.customer_id
group by 1, 2
