{{ config(tags=['finance']) }}

select order_id
from {{ ref('int_order_payments') }}
where refunded_eur > paid_eur + 0.05
