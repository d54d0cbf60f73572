-- depends_on: {{ ref('google_ads_spend') }}
select
    spend_date,
    campaign_id,
    impressions,
    clicks,
    round(cost_micros::numeric / 1000000, 2) as cost_eur
from {{ source('google_ads', 'spend') }}
