{{ config(materialized='view') }}

select
    campaigns.campaign_id,
    campaigns.campaign_name,
    count(*)::integer as readers,
    round(sum(engagement.opened)::numeric / count(*), 4) as open_rate,
    round(sum(engagement.clicked)::numeric / count(*), 4) as click_rate,
    count(*) filter (where engagement.has_unsubscribed)::integer as unsubscribed
from {{ ref('stg_salesforce__campaigns') }} as campaigns
inner join {{ ref('int_email_engagement') }} as engagement
    on campaigns.campaign_id = engagement.campaign_id
group by campaigns.campaign_id, campaigns.campaign_name
