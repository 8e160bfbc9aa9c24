with experiences as (
    select
        experience_id,
        departement_code,
        country,
        -- Software has taken the zero of 06600; the list of postal codes says whether the repaired code exists.
        case when length(postal_code) = 4 then concat('0', postal_code) else postal_code end as postal_code,
        coalesce(country, 'France') <> 'France' as is_abroad
    from {{ ref('stg_services_publics_plus__experience') }}
),

aliases as (
    select
        departement_code,
        territory_code
    from {{ ref('territory_aliases') }}
    where territory_code <> 'ZZ'
)

select
    experiences.experience_id,
    coalesce(
        by_departement.territory_code,
        aliases.territory_code,
        case when experiences.is_abroad then 'XX' end,
        by_postal_code.territory_code,
        'ZZ'
    ) as territory_code
from experiences
left join {{ ref('territories') }} as by_departement on experiences.departement_code = by_departement.departement_code
left join aliases on experiences.departement_code = aliases.departement_code
left join {{ ref('postal_codes') }} as postal_codes on experiences.postal_code = postal_codes.postal_code
left join {{ ref('territories') }} as by_postal_code on postal_codes.departement_code = by_postal_code.departement_code
