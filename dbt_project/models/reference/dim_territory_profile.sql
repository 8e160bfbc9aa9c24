with places as (
    select * from {{ ref('dim_territory') }}
    where territory_level in ('departement', 'region', 'gendarmerie_region')
),

areas as (
    {{ areas_by_level() }}
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
    cast(areas.area_km2 as bigint) as area_km2,
    cast(round(cast(places.population as decimal(18, 3)) / areas.area_km2, 1) as decimal(18, 1)) as density,
    peer_lists.peer_names
from places
inner join areas on places.territory_code = areas.territory_code
left join peer_lists on places.territory_code = peer_lists.territory_code
