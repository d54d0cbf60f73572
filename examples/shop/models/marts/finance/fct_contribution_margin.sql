{{ config(tags=['board_report']) }}

with sales as (
    select
        date_trunc('month', ordered_on)::date as margin_month,
        sum(net_revenue_eur) as net_revenue_eur,
        sum(case when net_revenue_eur > 0 then cost_eur else 0 end) as goods_cost_eur,
        sum(fee_eur) as fee_eur
    from {{ ref('fct_orders') }}
    group by 1
),

advertising as (
    select
        date_trunc('month', spend_date)::date as margin_month,
        sum(cost_eur) as advertising_eur
    from {{ ref('stg_google_ads__spend') }}
    group by 1
)

select
    sales.margin_month,
    sales.net_revenue_eur,
    sales.goods_cost_eur,
    sales.fee_eur,
    coalesce(advertising.advertising_eur, 0) as advertising_eur,
    sales.net_revenue_eur
        - sales.goods_cost_eur
        - sales.fee_eur
        - coalesce(advertising.advertising_eur, 0) as contribution_margin_eur
from sales
left join advertising on sales.margin_month = advertising.margin_month
