{{ config(materialized='ephemeral') }}

select
    campaign_id,
    customer_id,
    count(*) filter (where event_type = 'delivered')::integer as delivered,
    count(*) filter (where event_type = 'opened')::integer as opened,
    count(*) filter (where event_type = 'clicked')::integer as clicked,
    bool_or(event_type = 'unsubscribed') as has_unsubscribed
from {{ ref('stg_salesforce__email_events') }}
group by campaign_id, customer_id
