{{ config(materialized='view') }}

-- Orders whose payments do not add up to their lines: what accounting looks at by hand.
select
    order_id,
    order_status,
    ordered_on,
    gross_eur,
    paid_eur,
    gross_eur - paid_eur as open_eur
from {{ ref('fct_orders') }}
where order_status <> 'cancelled'
    and abs(gross_eur - paid_eur) > 0.05
