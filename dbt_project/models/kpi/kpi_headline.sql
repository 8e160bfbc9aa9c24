-- The months and years of the headline of each KPI, and what one needs to judge them: whether too few stand behind a
-- value, and whether each platform that it comes from is known to the end of the period.
with known as (
    select
        kpi_platform.kpi_code,
        min(freshness.data_as_of) as data_as_of
    from {{ ref('kpi_platform') }} as kpi_platform
    inner join {{ ref('freshness') }} as freshness on kpi_platform.platform = freshness.platform
    group by kpi_platform.kpi_code
)

select
    kpi_values.kpi_code,
    kpi_values.period_type,
    kpi_values.period_start,
    kpi_values.territory_level,
    kpi_values.territory_code,
    kpi_values.breakdown_dimension,
    kpi_values.breakdown_value,
    catalogue.unit,
    catalogue.is_additive,
    catalogue.min_observations,
    kpi_values.numerator,
    kpi_values.denominator,
    kpi_values.value,
    {{ observed_count('kpi_values') }} as observed,
    {{ is_small('kpi_values') }} as is_small,
    coalesce(periods.last_day <= known.data_as_of, false) as is_complete
from {{ ref('kpi_value') }} as kpi_values
inner join {{ ref('kpi_catalogue') }} as catalogue on kpi_values.kpi_code = catalogue.kpi_code
inner join {{ ref('dim_period') }} as periods
    on
        kpi_values.period_type = periods.period_type
        and kpi_values.period_start = periods.period_start
left join known on kpi_values.kpi_code = known.kpi_code
where
    kpi_values.period_type in ('month', 'year')
    and kpi_values.value is not null
    and {{ is_headline('kpi_values') }}
