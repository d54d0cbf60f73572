{# Money arrives as whole cents; models speak of amounts with two decimals. #}
{% macro cents_to_amount(column) -%}
    round(({{ column }})::numeric / 100, 2)
{%- endmacro %}
