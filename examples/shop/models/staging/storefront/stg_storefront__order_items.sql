-- depends_on: {{ ref('storefront_order_items') }}
select
    order_item_id,
    order_id,
    product_id,
    quantity,
    {{ cents_to_amount('quantity * unit_price_cents - discount_cents') }} as line_amount
from {{ source('storefront', 'order_items') }}
