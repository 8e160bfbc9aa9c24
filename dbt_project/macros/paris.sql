{# Business time is that of Paris; what is stored is UTC, without a zone. Engine-specific parts dispatched. #}

{# Paris time of a UTC timestamp, as the clock showed it. #}
{% macro paris_time(timestamp) -%}
    {{ return(adapter.dispatch('paris_time')(timestamp)) }}
{%- endmacro %}

{% macro default__paris_time(timestamp) -%}
    from_utc_timestamp({{ timestamp }}, 'Europe/Paris')
{%- endmacro %}

{% macro duckdb__paris_time(timestamp) -%}
    timezone('Europe/Paris', timezone('UTC', cast({{ timestamp }} as timestamp)))
{%- endmacro %}


{# Paris day of a UTC timestamp. #}
{% macro paris_day(timestamp) -%}
    cast({{ paris_time(timestamp) }} as date)
{%- endmacro %}


{# The day in Paris when the build runs. #}
{% macro paris_today() -%}
    {{ paris_day('cast(' ~ dbt.current_timestamp() ~ ' as timestamp)') }}
{%- endmacro %}
