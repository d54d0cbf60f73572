-- depends_on: {{ ref('stripe_payments') }}
select
    payment_id,
    order_id,
    {{ cents_to_amount('amount_cents') }} as amount,
    currency,
    method as payment_method,
    status as payment_status,
    created_at as paid_at,
    created_at::date as paid_on
from {{ source('stripe', 'payments') }}
