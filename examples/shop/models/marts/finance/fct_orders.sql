{{ config(access='public') }}

select
    orders.order_id,
    orders.customer_id,
    regions.region,
    orders.order_status,
    orders.ordered_at,
    orders.ordered_on,
    totals.units,
    totals.gross_eur,
    totals.cost_eur,
    payments.paid_eur,
    payments.fee_eur,
    payments.refunded_eur,
    payments.paid_eur - payments.refunded_eur as net_revenue_eur,
    row_number() over (
        partition by orders.customer_id order by orders.ordered_at, orders.order_id
    )::integer as customer_order_number
from {{ ref('stg_storefront__orders') }} as orders
inner join {{ ref('int_order_totals') }} as totals
    on orders.order_id = totals.order_id
inner join {{ ref('int_order_payments') }} as payments
    on orders.order_id = payments.order_id
inner join {{ ref('stg_storefront__customers') }} as customers
    on orders.customer_id = customers.customer_id
inner join {{ ref('country_regions') }} as regions
    on customers.country_code = regions.country_code
