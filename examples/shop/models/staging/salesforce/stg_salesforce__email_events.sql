-- depends_on: {{ ref('salesforce_email_events') }}
select
    event_id,
    campaign_id,
    customer_id,
    event_type,
    occurred_at
from {{ source('salesforce', 'email_events') }}
