-- depends_on: {{ ref('stripe_fees') }}
select
    fee_id,
    payment_id,
    {{ cents_to_amount('fee_cents') }} as fee
from {{ source('stripe', 'fees') }}
