{{ config(tags=['finance']) }}

-- Both are incremental and come from different models: they must still tell the same money.
select days.paid_eur, payments.paid_eur as payments_eur
from (select sum(paid_eur) as paid_eur from {{ ref('fct_daily_revenue') }}) as days
cross join (select sum(amount_eur) as paid_eur from {{ ref('fct_payments') }}) as payments
where days.paid_eur is distinct from payments.paid_eur
