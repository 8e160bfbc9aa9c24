with experiences as (
    select
        experience_id,
        departement_code,
        postal_code,
        coalesce(country, 'France') <> 'France' as is_abroad
    from {{ ref('stg_services_publics_plus__experience') }}
)

select
    experiences.experience_id,
    coalesce(
        by_departement.territory_code,
        case when experiences.is_abroad then 'XX' end,
        by_postal_code.territory_code,
        'ZZ'
    ) as territory_code
from experiences
left join {{ ref('bridge_departement_territory') }} as by_departement
    on experiences.departement_code = by_departement.departement_code
left join {{ ref('bridge_postal_code_territory') }} as by_postal_code
    on experiences.postal_code = by_postal_code.postal_code
