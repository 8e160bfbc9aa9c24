with readings as (
    select * from {{ ref('kpi_value') }}
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
    catalogue.label as kpi_label,
    catalogue.pillar,
    catalogue.unit,
    catalogue.direction,
    catalogue.target,
    territories.territory_name,
    territories.map_code,
    territories.region_code,
    periods.period_label,
    periods.previous_period_start,
    previous.value as previous_value
from readings
inner join {{ ref('kpi_catalogue') }} as catalogue on readings.kpi_code = catalogue.kpi_code
inner join {{ ref('dim_territory') }} as territories on readings.territory_code = territories.territory_code
inner join {{ ref('dim_period') }} as periods
    on
        readings.period_type = periods.period_type
        and readings.period_start = periods.period_start
left join readings as previous
    on
        readings.kpi_code = previous.kpi_code
        and readings.period_type = previous.period_type
        and periods.previous_period_start = previous.period_start
        and readings.territory_code = previous.territory_code
        and readings.territory_level = previous.territory_level
        and readings.breakdown_dimension = previous.breakdown_dimension
        and readings.breakdown_value = previous.breakdown_value
