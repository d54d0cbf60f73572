-- depends_on: {{ ref('salesforce_campaigns') }}
select
    campaign_id,
    campaign_name,
    channel,
    starts_on,
    ends_on,
    {{ cents_to_amount('budget_cents') }} as budget_eur
from {{ source('salesforce', 'campaigns') }}
