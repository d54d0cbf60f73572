-- depends_on: {{ ref('storefront_products') }}
select
    product_id,
    sku,
    product_name,
    category,
    {{ cents_to_amount('list_price_cents') }} as list_price_eur,
    {{ cents_to_amount('unit_cost_cents') }} as unit_cost_eur,
    is_active
from {{ source('storefront', 'products') }}
