select
    products.product_id,
    products.sku,
    products.category,
    coalesce(sum(lines.quantity), 0)::integer as units_sold,
    coalesce(sum(lines.amount_eur), 0) as revenue_eur,
    coalesce(sum(lines.amount_eur - lines.cost_eur), 0) as margin_eur,
    rank() over (
        partition by products.category
        order by coalesce(sum(lines.amount_eur - lines.cost_eur), 0) desc, products.product_id
    )::integer as rank_in_category
from {{ ref('stg_storefront__products') }} as products
left join {{ ref('int_order_lines_in_eur') }} as lines
    on products.product_id = lines.product_id
    and lines.order_status not in ('cancelled', 'returned')
group by products.product_id, products.sku, products.category
