with places as (
    select * from {{ ref('dim_territory') }}
    where territory_level in ('departement', 'region', 'gendarmerie_region')
),

sums as (
    select
        levels.level_code as territory_code,
        sum(areas.area_km2) as area_km2
    from places
    inner join {{ ref('territory_areas') }} as areas on places.departement_code = areas.departement_code
    inner join {{ ref('bridge_territory_level') }} as levels on places.territory_code = levels.territory_code
    where levels.territory_level in ('departement', 'region', 'gendarmerie_region')
    group by levels.level_code
),

peer_lists as (
    select
        peers.territory_code,
        {{ dbt.listagg('named.territory_name', "', '", 'order by peers.nearness') }} as peer_names
    from {{ ref('bridge_territory_peer') }} as peers
    inner join places as named on peers.peer_code = named.territory_code
    group by peers.territory_code
)

select
    places.territory_code,
    places.territory_level,
    places.territory_name,
    places.population,
    cast(sums.area_km2 as bigint) as area_km2,
    cast(round(cast(places.population as decimal(18, 3)) / sums.area_km2, 1) as decimal(18, 1)) as density,
    peer_lists.peer_names
from places
inner join sums on places.territory_code = sums.territory_code
left join peer_lists on places.territory_code = peer_lists.territory_code
