-- Labels are declared once, in `meta.kpi`; the catalogue stands above the KPIs of effects and cannot be read here.
{% set nodes = graph.nodes.values() if execute else [] %}
{% for kpi in nodes | map(attribute='config.meta.kpi') | select('defined') | sort(attribute='code') %}
select
    '{{ kpi.code }}' as kpi_code,
    {{ text(kpi.label) }} as kpi_label,
    '{{ kpi.unit }}' = 'part' as is_share,
    {{ 'true' if kpi.code in followed_kpis() else 'false' }} as is_followed,
    '{{ followed_period_types(kpi) | join(",") }}' as period_types
{{ 'union all' if not loop.last }}
{% endfor %}
