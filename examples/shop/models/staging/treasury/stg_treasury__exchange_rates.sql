-- depends_on: {{ ref('treasury_exchange_rates') }}
select
    rate_date,
    currency,
    eur_per_unit
from {{ source('treasury', 'exchange_rates') }}
