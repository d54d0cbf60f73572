{{ config(access='private') }}

select
    refunds.refund_id,
    refunds.payment_id,
    payments.order_id,
    refunds.refund_reason,
    refunds.refunded_on,
    round(refunds.amount * rates.eur_per_unit, 2) as amount_eur
from {{ ref('stg_stripe__refunds') }} as refunds
inner join {{ ref('stg_stripe__payments') }} as payments
    on refunds.payment_id = payments.payment_id
inner join {{ ref('int_daily_exchange_rates') }} as rates
    on payments.paid_on = rates.rate_date
    and payments.currency = rates.currency
