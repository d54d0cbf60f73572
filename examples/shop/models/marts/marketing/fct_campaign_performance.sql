{{ config(tags=['board_report']) }}

with attributed as (
    select
        campaign_id,
        count(*) as orders,
        sum(net_revenue_eur) as revenue_eur
    from {{ ref('fct_attributed_orders') }}
    where campaign_id is not null
    group by campaign_id
),

letters as (
    select
        campaign_id,
        sum(clicked) as email_clicks
    from {{ ref('int_email_engagement') }}
    group by campaign_id
)

select
    costs.campaign_id,
    costs.campaign_name,
    costs.channel,
    costs.cost_eur,
    (costs.clicks + coalesce(letters.email_clicks, 0))::integer as clicks,
    coalesce(attributed.orders, 0)::integer as orders,
    coalesce(attributed.revenue_eur, 0) as revenue_eur,
    round(attributed.revenue_eur / nullif(costs.cost_eur, 0), 2) as return_on_spend
from {{ ref('int_campaign_costs') }} as costs
left join attributed on costs.campaign_id = attributed.campaign_id
left join letters on costs.campaign_id = letters.campaign_id
