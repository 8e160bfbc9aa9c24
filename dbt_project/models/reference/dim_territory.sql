with departements as (
    select * from {{ ref('territories') }}
),

regions as (
    select
        regions.*,
        school_zones.school_zone
    from {{ ref('regions') }} as regions
    left join {{ ref('school_zones') }} as school_zones on regions.region_code = school_zones.region_code
),

departement_rows as (
    select
        departements.territory_code,
        'departement' as territory_level,
        departements.territory_name,
        departements.departement_code,
        departements.region_code,
        departements.gendarmerie_region_code,
        departements.groupement_name,
        departements.population,
        departements.map_code,
        regions.school_zone
    from departements
    left join regions on departements.region_code = regions.region_code
),

region_rows as (
    select
        regions.region_code as territory_code,
        'region' as territory_level,
        regions.region_name as territory_name,
        cast(null as string) as departement_code,
        regions.region_code,
        regions.gendarmerie_region_code,
        cast(null as string) as groupement_name,
        sum(departements.population) as population,
        regions.region_code as map_code,
        regions.school_zone
    from regions
    inner join departements on regions.region_code = departements.region_code
    group by regions.region_code, regions.region_name, regions.gendarmerie_region_code, regions.school_zone
),

gendarmerie_regions as (
    select distinct
        gendarmerie_region_code,
        gendarmerie_region_name
    from regions
),

gendarmerie_region_rows as (
    select
        gendarmerie_regions.gendarmerie_region_code as territory_code,
        'gendarmerie_region' as territory_level,
        gendarmerie_regions.gendarmerie_region_name as territory_name,
        cast(null as string) as departement_code,
        cast(null as string) as region_code,
        gendarmerie_regions.gendarmerie_region_code,
        cast(null as string) as groupement_name,
        sum(departements.population) as population,
        cast(null as string) as map_code,
        cast(null as string) as school_zone
    from gendarmerie_regions
    inner join departements on gendarmerie_regions.gendarmerie_region_code = departements.gendarmerie_region_code
    group by gendarmerie_regions.gendarmerie_region_code, gendarmerie_regions.gendarmerie_region_name
),

other_rows as (
    select
        'FR' as territory_code,
        'nation' as territory_level,
        'France' as territory_name,
        sum(population) as population
    from departements
    union all
    select
        'XX' as territory_code,
        'abroad' as territory_level,
        'Étranger' as territory_name,
        cast(null as bigint) as population
    union all
    select
        'ZZ' as territory_code,
        'unknown' as territory_level,
        'Territoire non précisé' as territory_name,
        cast(null as bigint) as population
),

unioned as (
    select * from departement_rows
    union all
    select * from region_rows
    union all
    select * from gendarmerie_region_rows
    union all
    select
        territory_code,
        territory_level,
        territory_name,
        cast(null as string) as departement_code,
        cast(null as string) as region_code,
        cast(null as string) as gendarmerie_region_code,
        cast(null as string) as groupement_name,
        population,
        cast(null as string) as map_code,
        cast(null as string) as school_zone
    from other_rows
)

select
    territory_code,
    territory_level,
    territory_name,
    departement_code,
    region_code,
    gendarmerie_region_code,
    groupement_name,
    cast(population as bigint) as population,
    map_code,
    school_zone
from unioned
