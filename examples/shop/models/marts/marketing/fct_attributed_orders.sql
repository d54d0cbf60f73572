select
    orders.order_id,
    orders.customer_id,
    orders.ordered_on,
    coalesce(touches.channel, 'unknown') as channel,
    touches.campaign_id,
    orders.net_revenue_eur
from {{ ref('fct_orders') }} as orders
left join {{ ref('int_order_touches') }} as touches
    on orders.order_id = touches.order_id
    and touches.touch_rank = 1
