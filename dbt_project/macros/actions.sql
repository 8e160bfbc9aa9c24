{# What counts as an action whose effect is sought. How an effect is measured belongs in `analytics.impact`. #}

{# The kind of action of the register that is no prevention: a change of what citizens use. #}
{% macro service_change() -%}
    'Évolution de service en ligne'
{%- endmacro %}
