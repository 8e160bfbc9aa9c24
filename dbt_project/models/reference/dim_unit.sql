with units as (
    select * from {{ ref('stg_reference__unit') }}
),

-- No open file says which company a brigade belongs to: above the unit comes its groupement, by the département.
located as (
    select
        units.*,
        coalesce(by_departement.territory_code, by_postal_code.territory_code, 'ZZ') as territory_code
    from units
    left join {{ ref('bridge_departement_territory') }} as by_departement
        on units.departement_code = by_departement.departement_code
    left join {{ ref('bridge_postal_code_territory') }} as by_postal_code
        on units.postal_code = by_postal_code.postal_code
)

select
    located.unit_key,
    located.unit_name,
    located.commune_code,
    located.commune_name,
    located.postal_code,
    located.territory_code,
    territories.territory_name,
    territories.groupement_name,
    territories.gendarmerie_region_code,
    gendarmerie_regions.territory_name as gendarmerie_region_name,
    cast(located.longitude_degrees as decimal(9, 6)) as longitude_degrees,
    cast(located.latitude_degrees as decimal(9, 6)) as latitude_degrees,
    located.coordinates_state,
    located.public_identifier is not null as has_public_identifier,
    located.address,
    located.phone,
    located.opening_hours,
    located.website
from located
inner join {{ ref('dim_territory') }} as territories on located.territory_code = territories.territory_code
left join {{ ref('dim_territory') }} as gendarmerie_regions
    on territories.gendarmerie_region_code = gendarmerie_regions.territory_code
