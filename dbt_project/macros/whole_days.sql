{# What an incremental model needs that replaces whole days. Engine-specific parts dispatched. #}

{# Its configuration: the days that its query returns take the place of what the table has of them. #}
{% macro replaces_whole_days(day) -%}
    {{ return(adapter.dispatch('replaces_whole_days')(day)) }}
{%- endmacro %}

{% macro default__replaces_whole_days(day) -%}
    {{ return({'unique_key': day, 'partition_by': day, 'incremental_strategy': 'insert_overwrite'}) }}
{%- endmacro %}

{% macro duckdb__replaces_whole_days(day) -%}
    {{ return({'unique_key': day, 'incremental_strategy': 'delete+insert'}) }}
{%- endmacro %}


{#
  Whether the query is to return the changed days only. What is compiled for definitions and lineage is the same on every
  home, whatever its tables hold.
#}
{% macro returns_changed_days() -%}
    {{ return(flags.WHICH != 'compile' and is_incremental()) }}
{%- endmacro %}
