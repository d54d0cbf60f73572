{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='payment_id',
        on_schema_change='fail'
    )
}}

select
    payment_id,
    order_id,
    payment_method,
    paid_at,
    paid_on,
    currency,
    amount_eur,
    fee_eur
from {{ ref('int_payments_in_eur') }}
{% if is_incremental() %}
where paid_on >= (
    select coalesce(max(paid_on), '{{ var("first_day") }}'::date) from {{ this }}
) - {{ var('incremental_lookback_days') }}
{% endif %}
