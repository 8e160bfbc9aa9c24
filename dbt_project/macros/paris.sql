{# Business time is that of Paris; what is stored is UTC, without a zone. Engine-specific parts dispatched. #}

{# Time in Europe/Paris of an instant that is stored in UTC, as a clock showed it. #}
{% macro paris_time(instant) -%}
    {{ return(adapter.dispatch('paris_time')(instant)) }}
{%- endmacro %}

{% macro default__paris_time(instant) -%}
    from_utc_timestamp({{ instant }}, 'Europe/Paris')
{%- endmacro %}

{% macro duckdb__paris_time(instant) -%}
    timezone('Europe/Paris', timezone('UTC', cast({{ instant }} as timestamp)))
{%- endmacro %}


{# Day in Europe/Paris of an instant that is stored in UTC. #}
{% macro paris_day(instant) -%}
    cast({{ paris_time(instant) }} as date)
{%- endmacro %}


{# The day in Europe/Paris when the build runs. #}
{% macro paris_today() -%}
    {{ paris_day(dbt.current_timestamp()) }}
{%- endmacro %}


{# A day as a French reader writes it. #}
{% macro french_day(day) -%}
    {{ return(adapter.dispatch('french_day')(day)) }}
{%- endmacro %}

{% macro default__french_day(day) -%}
    date_format({{ day }}, 'dd/MM/yyyy')
{%- endmacro %}

{% macro duckdb__french_day(day) -%}
    strftime({{ day }}, '%d/%m/%Y')
{%- endmacro %}
