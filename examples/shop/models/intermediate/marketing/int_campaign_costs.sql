select
    campaigns.campaign_id,
    campaigns.campaign_name,
    campaigns.channel,
    campaigns.budget_eur,
    coalesce(sum(spend.impressions), 0)::integer as impressions,
    coalesce(sum(spend.clicks), 0)::integer as clicks,
    coalesce(sum(spend.cost_eur), 0) as cost_eur
from {{ ref('stg_salesforce__campaigns') }} as campaigns
left join {{ ref('stg_google_ads__spend') }} as spend
    on campaigns.campaign_id = spend.campaign_id
group by campaigns.campaign_id, campaigns.campaign_name, campaigns.channel, campaigns.budget_eur
