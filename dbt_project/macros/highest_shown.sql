{# Up to where a chart draws the alert threshold of a series: one far above what was seen and expected would flatten both. #}
{% macro highest_shown(bands, series) -%}
3 * greatest(1, max(greatest({{ bands }}.observed, {{ bands }}.expected)) over (partition by {{ series }}))
{%- endmacro %}
