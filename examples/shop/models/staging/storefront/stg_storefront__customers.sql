{{ config(tags=['pii']) }}

-- depends_on: {{ ref('storefront_customers') }}
select
    customer_id,
    full_name,
    lower(email) as email,
    country_code,
    marketing_opt_in as has_opted_in,
    created_at::date as signed_up_on,
    updated_at
from {{ source('storefront', 'customers') }}
