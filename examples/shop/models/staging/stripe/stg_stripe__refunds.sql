-- depends_on: {{ ref('stripe_refunds') }}
select
    refund_id,
    payment_id,
    {{ cents_to_amount('amount_cents') }} as amount,
    reason as refund_reason,
    created_at::date as refunded_on
from {{ source('stripe', 'refunds') }}
