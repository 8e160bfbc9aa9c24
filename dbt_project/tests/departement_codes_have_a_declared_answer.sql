-- A code that is neither a département nor declared in territory_aliases counts as unknown until it is declared.
{{ config(group='perception') }}
select
    experiences.departement_code,
    count(experiences.experience_id) as experiences
from {{ ref('stg_services_publics_plus__experience') }} as experiences
left join {{ ref('territories') }} as territories on experiences.departement_code = territories.departement_code
left join {{ ref('territory_aliases') }} as aliases on experiences.departement_code = aliases.departement_code
where
    experiences.departement_code is not null
    and territories.territory_code is null
    and aliases.territory_code is null
group by experiences.departement_code
