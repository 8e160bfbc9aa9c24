{# Minutes of a week in a text such as « Lundi : 8h00-12h00 14h00-18h00 … »; null where it holds none. Public holidays are no week. #}
{% macro weekly_minutes(text) -%}
    {{ return(adapter.dispatch('weekly_minutes')(text)) }}
{%- endmacro %}

{% macro duckdb__weekly_minutes(text) -%}
    {%- set week -%} regexp_replace({{ text }}, 'Jours? fériés?.*', '', 'i') {%- endset -%}
    {%- set span -%} '(\d{1,2})h(\d{2})\s*-\s*(\d{1,2})h(\d{2})' {%- endset -%}
    cast(
        list_sum(
            list_transform(
                range(1, 1 + len(regexp_extract_all({{ week }}, {{ span }}))),
                lambda i:
                    60 * cast(regexp_extract_all({{ week }}, {{ span }}, 3)[i] as integer)
                    + cast(regexp_extract_all({{ week }}, {{ span }}, 4)[i] as integer)
                    - 60 * cast(regexp_extract_all({{ week }}, {{ span }}, 1)[i] as integer)
                    - cast(regexp_extract_all({{ week }}, {{ span }}, 2)[i] as integer)
            )
        ) as bigint
    )
{%- endmacro %}
