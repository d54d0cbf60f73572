{{ config(access='public', tags=['pii']) }}

with orders as (
    select
        customer_id,
        min(ordered_on) as first_order_on,
        max(ordered_on) as last_order_on,
        count(*) as orders,
        sum(net_revenue_eur) as lifetime_value_eur
    from {{ ref('fct_orders') }}
    where order_status <> 'cancelled'
    group by customer_id
)

select
    customers.customer_id,
    customers.full_name,
    customers.email,
    regions.region,
    customers.has_opted_in,
    customers.signed_up_on,
    orders.first_order_on,
    orders.last_order_on,
    coalesce(orders.orders, 0)::integer as orders,
    coalesce(orders.lifetime_value_eur, 0) as lifetime_value_eur
from {{ ref('stg_storefront__customers') }} as customers
inner join {{ ref('country_regions') }} as regions
    on customers.country_code = regions.country_code
left join orders on customers.customer_id = orders.customer_id
