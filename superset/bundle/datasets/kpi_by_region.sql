-- The headline of each KPI per quarter in the regions of gendarmerie, whose names are short enough for the side of a heat map.
-- The nation comes first. A value with too few answers behind it is left out.
select
    kpi_code,
    period_start,
    concat(extract(year from period_start), ' T', extract(quarter from period_start)) as quarter,
    territory_code,
    territory_name,
    case
        when territory_level = 'nation' then concat('(', territory_name, ' entière)')
        when territory_name like 'Commandement%' then 'Outre-mer'
        else replace(territory_name, 'Région de gendarmerie ', '')
    end as region,
    value
from kpi.rpt_kpi
where
    period_type = 'quarter'
    and is_complete
    and is_headline
    and not is_small
    and territory_level in ('nation', 'gendarmerie_region')
