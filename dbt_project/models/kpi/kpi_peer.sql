{#
  The value of a territory among those of similar ones. Only published values are compared: a suppressed row is nobody's peer and has
  none, so that what is hidden enters no median and no rank.
#}
{% set least = 4 %}

with readings as (
    select
        kpi_code,
        period_type,
        period_start,
        territory_level,
        territory_code,
        breakdown_dimension,
        breakdown_value,
        value
    from {{ ref('kpi_value') }}
    where
        period_type in ('month', 'quarter', 'year')
        and breakdown_dimension in ('total', 'scope')
        and territory_level in ('departement', 'region')
        and not is_suppressed
        and value is not null
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
    cast(percentile_cont(0.5) within group (order by others.value) as decimal(18, 6)) as peer_median,
    -- The first is the most favourable; where neither direction is, the highest.
    cast(
        1 + count(
            case
                when case when catalogue.direction = 'down' then others.value < own.value else others.value > own.value end
                    then others.territory_code
            end
        ) as integer
    ) as peer_rank,
    cast(1 + count(others.territory_code) as integer) as peer_count
from readings as own
inner join {{ ref('kpi_catalogue') }} as catalogue on own.kpi_code = catalogue.kpi_code
inner join peers on own.territory_code = peers.territory_code
inner join readings as others
    on
        own.kpi_code = others.kpi_code
        and own.period_type = others.period_type
        and own.period_start = others.period_start
        and own.breakdown_dimension = others.breakdown_dimension
        and own.breakdown_value = others.breakdown_value
        and peers.peer_code = others.territory_code
group by
    own.kpi_code,
    own.period_type,
    own.period_start,
    own.territory_level,
    own.territory_code,
    own.breakdown_dimension,
    own.breakdown_value
-- Fewer would be the figures of one or two territories, which not every reader may see.
having count(others.territory_code) >= {{ least }}
