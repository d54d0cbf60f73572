{#
    The seeds stand in for a connector that lands raw rows. This is the connector's own column: when a row
    arrived. A seed keeps its table and inserts its rows anew, so the default gives each landing its time.
#}
{% macro stamp_landing() -%}
    alter table {{ this }} add column if not exists _fivetran_synced timestamptz default now()
{%- endmacro %}
