{# One row when an invocation starts, one when it ends with what became of its nodes. #}
{% macro audit_table() -%}
    {{ target.schema }}_audit.invocations
{%- endmacro %}

{% macro create_audit_table() -%}
    create schema if not exists {{ target.schema }}_audit;
    create table if not exists {{ audit_table() }} (
        invocation_id text not null,
        event text not null check (event in ('start', 'end')),
        command text not null,
        recorded_at timestamptz not null default clock_timestamp(),
        nodes integer,
        statuses jsonb
    )
{%- endmacro %}

{% macro record_start() -%}
    insert into {{ audit_table() }} (invocation_id, event, command)
    values ('{{ invocation_id }}', 'start', '{{ flags.WHICH }}')
{%- endmacro %}

{% macro record_end(results) -%}
    {%- set counts = {} -%}
    {%- if execute -%}
        {%- for result in results -%}
            {%- set status = result.status | string -%}
            {%- do counts.update({status: counts.get(status, 0) + 1}) -%}
        {%- endfor -%}
    {%- endif -%}
    insert into {{ audit_table() }} (invocation_id, event, command, nodes, statuses)
    values (
        '{{ invocation_id }}', 'end', '{{ flags.WHICH }}', {{ counts.values() | sum }}, '{{ tojson(counts) }}'
    )
{%- endmacro %}
