{{ unknown_departements(
    ref('stg_services_publics_plus__experience'), 'services_publics_plus', 'experience_id', 'written.published_on', '1'
) }}
union all
select
    'services_publics_plus' as platform,
    'postal_code' as field,
    experiences.postal_code as label,
    count(experiences.experience_id) as records,
    count(experiences.experience_id) as volume,
    min(experiences.published_on) as first_seen,
    max(experiences.published_on) as last_seen
from {{ ref('stg_services_publics_plus__experience') }} as experiences
left join {{ ref('bridge_postal_code_territory') }} as codes on experiences.postal_code = codes.postal_code
where
    experiences.postal_code is not null
    and codes.territory_code is null
group by experiences.postal_code
