with activity as (
    select distinct
        customers.customer_id,
        date_trunc('month', customers.first_order_on)::date as cohort_month,
        date_trunc('month', orders.ordered_on)::date as active_month
    from {{ ref('dim_customers') }} as customers
    inner join {{ ref('fct_orders') }} as orders
        on customers.customer_id = orders.customer_id
    where orders.order_status <> 'cancelled'
)

select
    cohort_month,
    (extract(year from age(active_month, cohort_month)) * 12
        + extract(month from age(active_month, cohort_month)))::integer as months_later,
    count(*)::integer as active_customers
from activity
group by 1, 2
