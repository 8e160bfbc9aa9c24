-- Definitions are declared once, in `meta.kpi` of each KPI; this table shows them beside the values.
-- depends_on: {{ ref('kpi_value') }}
{% set nodes = graph.nodes.values() if execute else [] %}
with defined as (
    {% for kpi in nodes | map(attribute='config.meta.kpi') | select('defined') | sort(attribute='code') %}
    select
        '{{ kpi.code }}' as kpi_code,
        '{{ kpi.pillar }}' as pillar,
        {{ pillar_label("'" ~ kpi.pillar ~ "'") }} as pillar_label,
        {{ text(kpi.label) }} as label,
        {{ text(kpi.definition) }} as definition,
        {{ text(kpi.formula) }} as formula,
        '{{ kpi.unit }}' as unit,
        '{{ kpi.direction }}' as direction,
        cast({{ kpi.target if kpi.target is not none else 'null' }} as decimal(18, 6)) as target,
        '{{ kpi.owner }}' as owner,
        {{ team_label("'" ~ kpi.owner ~ "'") }} as owner_label,
        {{ text(kpi.refresh) }} as refresh,
        '{{ kpi.sensitivity }}' as sensitivity,
        '{{ kpi.territory_of }}' as territory_of,
        '{{ kpi.grain.period_types | join(", ") }}' as period_types,
        '{{ kpi.grain.territory_levels | join(", ") }}' as territory_levels,
        '{{ kpi.grain.breakdowns | map(attribute="dimension") | join(", ") }}' as breakdown_dimensions,  -- noqa: LT05
        {{ kpi.is_additive | lower }} as is_additive,
        {{ kpi.min_observations }} as min_observations,
        '{{ kpi.observed.figure }}' as observed_figure,
        '{{ kpi.observed.noun }}' as observed_noun,
        {{ "'" ~ kpi.interval ~ "'" if kpi.interval else 'cast(null as string)' }} as interval_method
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Why a KPI is held back, and when the values that it shows were published; the first of several checks speaks.
held_back as (
    select
        kpi_code,
        min(check_name) as check_name,
        max(values_of) as values_of
    from {{ held_back_kpis() }}
    group by kpi_code
)

select
    defined.*,
    defined.label as kpi_label,  -- as other tables name it: a filter of a dashboard acts on all that have the column
    held_back.kpi_code is not null as is_held_back,
    case
        when held_back.kpi_code is not null
            then 'Indicateur retenu : contrôle « ' || coalesce(held_back.check_name, '') || ' » ; '
                || {{ values_label('held_back.values_of') }}
    end as held_back_note,
    held_back.values_of
from defined
left join held_back on defined.kpi_code = held_back.kpi_code
