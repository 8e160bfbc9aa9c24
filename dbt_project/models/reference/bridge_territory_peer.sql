{#
  « Similar », defined once: of the same level and the same side of the sea, the eight nearest in population and in density, both
  on a logarithmic scale, so that twice as many is as far everywhere.
  Regions of gendarmerie are few: each is compared with all others of its side.
#}
{% set peers = 8 %}

with places as (
    select
        territory_code,
        territory_level,
        population,
        gendarmerie_region_code = 'GN-OM' as is_overseas
    from {{ ref('dim_territory') }}
    where territory_level in ('departement', 'region', 'gendarmerie_region')
),

areas as (
    {{ areas_by_level() }}
),

measured as (
    select
        places.territory_code,
        places.territory_level,
        places.is_overseas,
        ln(places.population) as size,
        ln(places.population) - ln(areas.area_km2) as crowding,
        -- A region of one département has the same figures: it is compared as that one is.
        case
            when areas.departements = 1 and places.territory_level <> 'departement'
                then areas.departement_territory_code
        end as twin_code
    from places
    inner join areas on places.territory_code = areas.territory_code
),

nearest as (
    select
        own.territory_code,
        own.territory_level,
        peers.territory_code as peer_code,
        row_number() over (
            partition by own.territory_code
            order by power(own.size - peers.size, 2) + power(own.crowding - peers.crowding, 2), peers.territory_code
        ) as nearness
    from measured as own
    inner join measured as peers
        on
            own.territory_level = peers.territory_level
            and own.is_overseas = peers.is_overseas
            and own.territory_code <> peers.territory_code
    where own.twin_code is null
),

chosen as (
    select
        territory_code,
        peer_code,
        nearness
    from nearest
    where nearness <= {{ peers }} or territory_level = 'gendarmerie_region'
)

select
    territory_code,
    peer_code,
    cast(nearness as integer) as nearness
from chosen
union all
select
    twins.territory_code,
    chosen.peer_code,
    cast(chosen.nearness as integer) as nearness
from measured as twins
inner join chosen on twins.twin_code = chosen.territory_code
