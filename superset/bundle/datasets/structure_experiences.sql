-- One row per territory and scope in which an experience counts: the filters reach it as they reach the KPIs.
select
    named.experience_id,
    named.structure_name,
    named.typology,
    named.feeling,
    named.is_answered,
    named.published_on,
    seen.territory_code,
    seen.territory_name,
    scopes.breakdown_value
from perception.fct_experience_structure as named
inner join reference.dim_territory as own on named.territory_code = own.territory_code
inner join reference.dim_territory as seen
    on seen.territory_code in ('FR', own.territory_code, own.region_code, own.gendarmerie_region_code)
inner join (values ('total'), ('gendarmerie'), ('autres')) as scopes (breakdown_value)
    on scopes.breakdown_value in ('total', named.scope)
