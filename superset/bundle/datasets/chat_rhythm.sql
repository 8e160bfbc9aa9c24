-- The breakdown « lundi 08 h » of the KPI in its two parts; the number of the day puts Monday first.
select
    readings.period_start,
    readings.territory_code,
    readings.territory_name,
    concat(days.iso_weekday, ' ', days.weekday_name) as weekday,
    split_part(readings.breakdown_value, ' ', 2) as hour,
    readings.value
from kpi.rpt_kpi as readings
inner join (select distinct iso_weekday, weekday_name from reference.dim_calendar) as days
    on split_part(readings.breakdown_value, ' ', 1) = days.weekday_name
where
    readings.kpi_code = 'chat_contacts'
    and readings.breakdown_dimension = 'weekday_hour'
    and readings.period_type = 'month'
    and readings.territory_level = 'nation'
