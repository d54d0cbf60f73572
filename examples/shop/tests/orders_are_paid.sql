{{ config(severity='warn', tags=['finance']) }}

select order_id, open_eur
from {{ ref('payment_reconciliation') }}
