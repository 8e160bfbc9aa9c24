-- One row per territory and scope in which an opinion counts: the filters reach it as they reach the KPIs.
select
    opinions.experience_id,
    opinions.theme,
    opinions.theme_label,
    opinions.feeling,
    opinions.published_on,
    seen.territory_code,
    seen.territory_name,
    scopes.breakdown_value
from perception.fct_experience_theme as opinions
inner join reference.dim_territory as own on opinions.territory_code = own.territory_code
inner join reference.dim_territory as seen
    on seen.territory_code in ('FR', own.territory_code, own.region_code, own.gendarmerie_region_code)
inner join (values ('total'), ('gendarmerie'), ('autres')) as scopes (breakdown_value)
    on scopes.breakdown_value in ('total', opinions.scope)
