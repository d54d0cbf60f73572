-- depends_on: {{ ref('storefront_orders') }}
select
    order_id,
    customer_id,
    order_status,
    currency,
    ordered_at,
    ordered_at::date as ordered_on
from {{ source('storefront', 'orders') }}
