{#
  Five classes of the départements of a KPI and period, as equal in size as possible, for maps with few colours. Equal
  values are in one class. Where too few stand behind a value it has none: a map that colours chance deceives.
#}
{% set classes, least = 5, 10 %}

with ranked as (
    select
        *,
        count(territory_code) over (partition by kpi_code, period_type, period_start) as territories,
        percent_rank() over (partition by kpi_code, period_type, period_start order by value) as below
    from {{ ref('kpi_headline') }}
    where
        territory_level = 'departement'
        and not is_small
),

classed as (
    select
        *,
        cast(least({{ classes }}, 1 + floor({{ classes }} * below)) as integer) as map_class
    from ranked
    where territories >= {{ least }}
),

bounded as (
    select
        *,
        min(value) over (partition by kpi_code, period_type, period_start, map_class) as lowest,
        max(value) over (partition by kpi_code, period_type, period_start, map_class) as highest
    from classed
)

select
    kpi_code,
    period_type,
    period_start,
    territory_level,
    territory_code,
    breakdown_dimension,
    breakdown_value,
    map_class,
    case
        when {{ bare_label('lowest', 'unit') }} = {{ bare_label('highest', 'unit') }}
            then concat({{ bare_label('lowest', 'unit') }}, {{ unit_label('unit') }})
        else concat('de ', {{ range_label('lowest', 'highest', 'unit') }})
    end as map_class_label
from bounded
