-- Two points per figure: its latest whole period, and the same one a year before. Where too few answers are behind a value, nothing
-- is compared.
with latest as (
    select distinct
        kpi_code,
        period_type,
        period_start
    from kpi.rpt_kpi
    where
        is_latest
        and period_type in ('month', 'quarter')
)

select
    readings.kpi_code,
    readings.kpi_label,
    readings.period_type,
    readings.period_start,
    readings.period_label,
    readings.territory_level,
    readings.territory_code,
    readings.territory_name,
    readings.breakdown_dimension,
    readings.breakdown_value,
    readings.breakdown_label,
    case when not readings.is_small then readings.value end as value,
    readings.page_path,
    readings.is_latest
from kpi.rpt_kpi as readings
inner join latest
    on
        readings.kpi_code = latest.kpi_code
        and readings.period_type = latest.period_type
        and readings.period_start in (latest.period_start, latest.period_start - interval 1 year)
