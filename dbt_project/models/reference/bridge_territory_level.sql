-- Some platforms know the region of a place and not its département: a region is a place too.
with places as (
    select *
    from {{ ref('dim_territory') }}
    where territory_level in ('departement', 'region', 'abroad', 'unknown')
)

select
    territory_code,
    territory_level,
    territory_code as level_code
from places
union all
select
    territory_code,
    'region' as territory_level,
    region_code as level_code
from places
where
    territory_level = 'departement'
    and region_code is not null
union all
select
    territory_code,
    'gendarmerie_region' as territory_level,
    gendarmerie_region_code as level_code
from places
where gendarmerie_region_code is not null
union all
-- The nation is everything, abroad and unknown included, so that levels add up.
select
    territory_code,
    'nation' as territory_level,
    'FR' as level_code
from places
