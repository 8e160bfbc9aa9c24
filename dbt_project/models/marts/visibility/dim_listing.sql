with listings as (
    select
        *,
        coalesce(country, 'FR') in (
            'FR', 'France', 'GP', 'MQ', 'GF', 'RE', 'YT', 'PM', 'BL', 'MF', 'WF', 'PF', 'NC'
        ) as is_in_france
    from {{ ref('stg_partoo__business') }}
)

select
    listings.listing_id,
    listings.unit_code,
    listings.listing_name,
    listings.group_id,
    listing_groups.group_name,
    listings.city,
    listings.postal_code,
    case
        when not listings.is_in_france then 'XX'
        -- Towns may share the postal code of a neighbour: the list of the COG has the last word.
        else coalesce(by_postal_code.territory_code, by_departement.territory_code, 'ZZ')
    end as territory_code,
    listings.status = 'open' as is_open,
    listings.google_location_id is not null as is_linked_to_google,
    coalesce(listings.is_presence_managed, false) as is_presence_managed,
    coalesce(listings.is_review_managed, false) as is_review_managed,
    listings.source_load_id
from listings
left join {{ ref('stg_partoo__group') }} as listing_groups on listings.group_id = listing_groups.group_id
left join {{ ref('bridge_postal_code_territory') }} as by_postal_code
    on listings.postal_code = by_postal_code.postal_code
left join {{ ref('bridge_departement_territory') }} as by_departement
    on listings.departement_code = by_departement.departement_code
