with scored as (
    select
        customer_id,
        '{{ var("last_day") }}'::date - last_order_on as days_since_order,
        orders,
        lifetime_value_eur,
        ntile(4) over (order by last_order_on, customer_id) as recency_score,
        ntile(4) over (order by lifetime_value_eur, customer_id) as value_score
    from {{ ref('dim_customers') }}
    where orders > 0
)

select
    customer_id,
    days_since_order,
    orders,
    lifetime_value_eur,
    recency_score,
    value_score,
    case
        when recency_score >= 3 and value_score >= 3 then 'loyal'
        when recency_score >= 3 then 'promising'
        when value_score >= 3 then 'at risk'
        else 'asleep'
    end as segment
from scored
