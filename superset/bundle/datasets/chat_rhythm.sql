-- The breakdown « lundi 08 h » of the KPI in its two parts; the number of the day puts Monday first. An hour at which nobody wrote has no
-- row in the KPI: it is a zero of its month.
with readings as (
    select
        period_start,
        territory_code,
        territory_name,
        split_part(breakdown_value, ' ', 1) as weekday_name,
        split_part(breakdown_value, ' ', 2) as hour,
        value
    from kpi.rpt_kpi
    where
        kpi_code = 'chat_contacts'
        and breakdown_dimension = 'weekday_hour'
        and period_type = 'month'
        and territory_level = 'nation'
),

months as (
    select distinct
        period_start,
        territory_code,
        territory_name
    from readings
),

days as (
    select distinct
        iso_weekday,
        weekday_name
    from reference.dim_calendar
),

hours as (
    select printf('%02d', unnest(range(24))) as hour
)

select
    months.period_start,
    months.territory_code,
    months.territory_name,
    concat(days.iso_weekday, ' ', days.weekday_name) as weekday,
    hours.hour as hour,
    coalesce(readings.value, 0) as value
from months
cross join days
cross join hours
left join readings
    on
        months.period_start = readings.period_start
        and days.weekday_name = readings.weekday_name
        and hours.hour = readings.hour
