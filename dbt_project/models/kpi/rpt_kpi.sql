with readings as (
    select * from {{ ref('kpi_value') }}
),

periods as (
    select * from {{ ref('dim_period') }}
),

known as (
    select max(data_as_of) as data_as_of
    from {{ ref('freshness') }}
),

complete as (
    select
        periods.period_type,
        periods.period_start
    from periods
    cross join known
    where periods.last_day <= known.data_as_of
),

latest as (
    select
        readings.kpi_code,
        readings.period_type,
        max(readings.period_start) as period_start
    from readings
    inner join complete
        on
            readings.period_type = complete.period_type
            and readings.period_start = complete.period_start
    group by readings.kpi_code, readings.period_type
)

select
    readings.kpi_code,
    readings.period_type,
    readings.period_start,
    readings.territory_level,
    readings.territory_code,
    readings.breakdown_dimension,
    readings.breakdown_value,
    readings.numerator,
    readings.denominator,
    readings.value,
    readings.observations,
    readings.is_suppressed,
    case
        when catalogue.is_held_back
            then concat(catalogue.label, ' (retenu : ', {{ values_label('catalogue.values_of') }}, ')')
        else catalogue.label
    end as kpi_label,
    catalogue.pillar,
    catalogue.unit,
    catalogue.direction,
    catalogue.target,
    territories.territory_name,
    territories.map_code,
    territories.region_code,
    periods.period_label,
    periods.previous_period_start,
    previous.value as previous_value,
    coalesce(labels.breakdown_label, readings.breakdown_value) as breakdown_label,
    {{ reading_label('readings.value', 'catalogue.unit', 'readings.is_suppressed') }} as value_label,
    {{ reading_label('previous.value', 'catalogue.unit', 'previous.is_suppressed') }} as previous_value_label,
    complete.period_start is not null as is_complete,
    latest.period_start is not null as is_latest,
    -- Services Publics+ covers all administrations: there the Gendarmerie is a part.
    case
        when concat(', ', coalesce(catalogue.breakdown_dimensions, ''), ', ') like '%, scope, %'
            then readings.breakdown_dimension = 'scope' and readings.breakdown_value = 'gendarmerie'
        else readings.breakdown_dimension = 'total'
    end as is_headline,
    peers.peer_median,
    {{ reading_label('peers.peer_median', 'catalogue.unit', 'false') }} as peer_median_label,
    peers.peer_rank,
    peers.peer_count,
    {{ page_path('readings', 'periods.period_name') }} as page_path,
    coalesce(catalogue.is_held_back, false) as is_held_back,
    readings.is_archived
from readings
inner join {{ ref('kpi_catalogue') }} as catalogue on readings.kpi_code = catalogue.kpi_code
inner join {{ ref('dim_territory') }} as territories on readings.territory_code = territories.territory_code
inner join periods
    on
        readings.period_type = periods.period_type
        and readings.period_start = periods.period_start
left join {{ ref('breakdown_labels') }} as labels
    on
        readings.breakdown_dimension = labels.breakdown_dimension
        and readings.breakdown_value = labels.breakdown_value
left join complete
    on
        readings.period_type = complete.period_type
        and readings.period_start = complete.period_start
left join latest
    on
        readings.kpi_code = latest.kpi_code
        and readings.period_type = latest.period_type
        and readings.period_start = latest.period_start
left join readings as previous
    on
        readings.kpi_code = previous.kpi_code
        and readings.period_type = previous.period_type
        and periods.previous_period_start = previous.period_start
        and readings.territory_code = previous.territory_code
        and readings.territory_level = previous.territory_level
        and readings.breakdown_dimension = previous.breakdown_dimension
        and readings.breakdown_value = previous.breakdown_value
left join {{ ref('kpi_peer') }} as peers
    on
        readings.kpi_code = peers.kpi_code
        and readings.period_type = peers.period_type
        and readings.period_start = peers.period_start
        and readings.territory_level = peers.territory_level
        and readings.territory_code = peers.territory_code
        and readings.breakdown_dimension = peers.breakdown_dimension
        and readings.breakdown_value = peers.breakdown_value
