{{ config(severity='error', warn_if='>0', error_if='>20', tags=['marketing']) }}

select campaign_id, cost_eur, budget_eur
from {{ ref('int_campaign_costs') }}
where cost_eur > budget_eur
