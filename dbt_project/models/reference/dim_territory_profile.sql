with places as (
    select * from {{ ref('dim_territory') }}
    where territory_level in ('departement', 'region', 'gendarmerie_region')
),

departements as (
    select
        places.territory_code,
        places.region_code,
        places.gendarmerie_region_code,
        areas.area_km2
    from places
    inner join {{ ref('territory_areas') }} as areas on places.departement_code = areas.departement_code
    where places.territory_level = 'departement'
),

areas as (
    {% for holder in ('territory_code', 'region_code', 'gendarmerie_region_code') %}
    select
        {{ holder }} as territory_code,
        area_km2
    from departements
    where {{ holder }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

sums as (
    select
        territory_code,
        sum(area_km2) as area_km2
    from areas
    group by territory_code
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
