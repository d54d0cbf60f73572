{{ config(materialized='ephemeral', access='private') }}

select
    payments.payment_id,
    payments.order_id,
    payments.payment_method,
    payments.paid_at,
    payments.paid_on,
    payments.currency,
    round(payments.amount * rates.eur_per_unit, 2) as amount_eur,
    round(fees.fee * rates.eur_per_unit, 2) as fee_eur
from {{ ref('stg_stripe__payments') }} as payments
inner join {{ ref('int_daily_exchange_rates') }} as rates
    on payments.paid_on = rates.rate_date
    and payments.currency = rates.currency
left join {{ ref('stg_stripe__fees') }} as fees
    on payments.payment_id = fees.payment_id
where payments.payment_status = 'succeeded'
