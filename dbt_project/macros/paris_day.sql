{# Day in Europe/Paris of an instant that is stored in UTC. #}
{% macro paris_day(instant) -%}
    {{ return(adapter.dispatch('paris_day')(instant)) }}
{%- endmacro %}

{% macro default__paris_day(instant) -%}
    cast(from_utc_timestamp({{ instant }}, 'Europe/Paris') as date)
{%- endmacro %}

{% macro duckdb__paris_day(instant) -%}
    cast(timezone('Europe/Paris', timezone('UTC', cast({{ instant }} as timestamp))) as date)
{%- endmacro %}
