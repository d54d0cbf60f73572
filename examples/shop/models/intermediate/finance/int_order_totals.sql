select
    order_id,
    count(*)::integer as lines,
    sum(quantity)::integer as units,
    sum(amount_eur) as gross_eur,
    sum(cost_eur) as cost_eur
from {{ ref('int_order_lines_in_eur') }}
group by order_id
