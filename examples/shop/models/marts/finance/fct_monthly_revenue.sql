select
    date_trunc('month', ordered_on)::date as revenue_month,
    region,
    count(*)::integer as orders,
    count(distinct customer_id)::integer as customers,
    sum(net_revenue_eur) as net_revenue_eur,
    sum(refunded_eur) as refunded_eur
from {{ ref('fct_orders') }}
group by 1, 2
