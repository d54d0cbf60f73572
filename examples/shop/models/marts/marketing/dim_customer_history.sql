{{ config(materialized='view', tags=['pii']) }}

select
    customer_id,
    country_code,
    has_opted_in,
    dbt_valid_from as valid_from,
    dbt_valid_to as valid_to,
    dbt_valid_to is null as is_current
from {{ ref('customers_snapshot') }}
