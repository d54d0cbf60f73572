{{ config(materialized='table') }}

with paid as (
    select
        order_id,
        min(paid_at) as first_paid_at,
        sum(amount_eur) as paid_eur,
        sum(fee_eur) as fee_eur
    from {{ ref('int_payments_in_eur') }}
    group by order_id
),

refunded as (
    select
        order_id,
        sum(amount_eur) as refunded_eur
    from {{ ref('int_refunds_in_eur') }}
    group by order_id
)

select
    orders.order_id,
    paid.first_paid_at,
    coalesce(paid.paid_eur, 0) as paid_eur,
    coalesce(paid.fee_eur, 0) as fee_eur,
    coalesce(refunded.refunded_eur, 0) as refunded_eur
from {{ ref('stg_storefront__orders') }} as orders
left join paid on orders.order_id = paid.order_id
left join refunded on orders.order_id = refunded.order_id
