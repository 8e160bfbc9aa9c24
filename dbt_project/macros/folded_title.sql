{# A title as a file name leaves it: lower case, and one space for whatever is neither letter nor digit. #}
{% macro folded_title(title) -%}
    {{ return(adapter.dispatch('folded_title')(title)) }}
{%- endmacro %}

{% macro default__folded_title(title) -%}
    trim(regexp_replace(lower({{ title }}), '[^\\p{L}\\p{N}]+', ' '))
{%- endmacro %}

{% macro duckdb__folded_title(title) -%}
    trim(regexp_replace(lower({{ title }}), '[^\p{L}\p{N}]+', ' ', 'g'))
{%- endmacro %}
