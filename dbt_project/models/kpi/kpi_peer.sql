{#
  The value of a territory among those of similar ones. Only published values are compared: a suppressed row is nobody's peer and has
  none, so that what is hidden enters no median and no rank. Nor has one behind which too few stand: its rank would be chance.
#}
{% set least = 4 %}

with readings as (
    select
        kpi_values.kpi_code,
        kpi_values.period_type,
        kpi_values.period_start,
        kpi_values.territory_level,
        kpi_values.territory_code,
        kpi_values.breakdown_dimension,
        kpi_values.breakdown_value,
        kpi_values.value,
        -- The more, the more favourable; where neither direction is, the higher.
        case when catalogue.direction = 'down' then -kpi_values.value else kpi_values.value end as merit
    from {{ ref('kpi_value') }} as kpi_values
    inner join {{ ref('kpi_catalogue') }} as catalogue on kpi_values.kpi_code = catalogue.kpi_code
    where
        kpi_values.period_type in ('month', 'quarter', 'year')
        and kpi_values.breakdown_dimension in ('total', 'scope')
        and kpi_values.territory_level in ('departement', 'region', 'gendarmerie_region')
        and not kpi_values.is_suppressed
        and kpi_values.value is not null
        and not {{ is_small('kpi_values') }}
),

peers as (
    select * from {{ ref('bridge_territory_peer') }}
)

select
    own.kpi_code,
    own.period_type,
    own.period_start,
    own.territory_level,
    own.territory_code,
    own.breakdown_dimension,
    own.breakdown_value,
    {{ exact_median('similar_ones.value') }} as peer_median,
    cast(1 + count(case when similar_ones.merit > own.merit then similar_ones.territory_code end) as integer)
        as peer_rank,
    cast(1 + count(similar_ones.territory_code) as integer) as peer_count
from readings as own
inner join peers on own.territory_code = peers.territory_code
inner join readings as similar_ones
    on
        own.kpi_code = similar_ones.kpi_code
        and own.period_type = similar_ones.period_type
        and own.period_start = similar_ones.period_start
        and own.breakdown_dimension = similar_ones.breakdown_dimension
        and own.breakdown_value = similar_ones.breakdown_value
        and peers.peer_code = similar_ones.territory_code
group by
    own.kpi_code,
    own.period_type,
    own.period_start,
    own.territory_level,
    own.territory_code,
    own.breakdown_dimension,
    own.breakdown_value
-- Fewer would be the figures of one or two territories, which not every reader may see.
having count(similar_ones.territory_code) >= {{ least }}
