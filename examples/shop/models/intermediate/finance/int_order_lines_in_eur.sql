select
    items.order_item_id,
    items.order_id,
    items.product_id,
    products.category,
    orders.order_status,
    orders.ordered_on,
    items.quantity,
    round(items.line_amount * rates.eur_per_unit, 2) as amount_eur,
    items.quantity * products.unit_cost_eur as cost_eur
from {{ ref('stg_storefront__order_items') }} as items
inner join {{ ref('stg_storefront__orders') }} as orders
    on items.order_id = orders.order_id
inner join {{ ref('stg_storefront__products') }} as products
    on items.product_id = products.product_id
inner join {{ ref('int_daily_exchange_rates') }} as rates
    on orders.ordered_on = rates.rate_date
    and orders.currency = rates.currency
