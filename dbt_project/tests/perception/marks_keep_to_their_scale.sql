-- A share lies between 0 and 1, stars between 0 and 5, a mark between 0 and 10, at every level and in every period.
select
    readings.kpi_code,
    min(readings.value) as lowest,
    max(readings.value) as highest
from {{ ref('kpi_value') }} as readings
inner join {{ ref('kpi_catalogue') }} as catalogue on readings.kpi_code = catalogue.kpi_code
where
    catalogue.pillar = 'perception'
    and (
        readings.value < 0
        or readings.value > case catalogue.unit
            when 'part' then 1
            when 'note sur 5' then 5
            when 'note sur 10' then 10
        end
    )
group by readings.kpi_code
