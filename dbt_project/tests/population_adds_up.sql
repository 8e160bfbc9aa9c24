-- Départements and collectivities, and regions of gendarmerie, make up the nation's population.
select
    sum(case when territory_level = 'nation' then population else 0 end) as nation,
    sum(case when territory_level = 'departement' then population else 0 end) as departements,
    sum(case when territory_level = 'gendarmerie_region' then population else 0 end) as gendarmerie_regions
from {{ ref('dim_territory') }}
having
    sum(case when territory_level = 'nation' then population else 0 end)
    <> sum(case when territory_level = 'departement' then population else 0 end)
    or sum(case when territory_level = 'nation' then population else 0 end)
    <> sum(case when territory_level = 'gendarmerie_region' then population else 0 end)
