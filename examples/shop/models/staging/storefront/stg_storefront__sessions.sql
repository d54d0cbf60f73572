-- depends_on: {{ ref('storefront_sessions') }}
select
    session_id,
    customer_id,
    started_at,
    started_at::date as started_on,
    channel,
    campaign_id,
    pages_viewed
from {{ source('storefront', 'sessions') }}
