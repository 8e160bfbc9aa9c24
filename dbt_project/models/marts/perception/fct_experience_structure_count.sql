with scopes as (
    select
        experience_id,
        structure_name,
        typology,
        feeling,
        is_answered,
        territory_code,
        published_on,
        scope
    from {{ ref('fct_experience_structure') }}
    union all
    select
        experience_id,
        structure_name,
        typology,
        feeling,
        is_answered,
        territory_code,
        published_on,
        'total' as scope
    from {{ ref('fct_experience_structure') }}
)

select
    containers.container_code as territory_code,
    containers.container_name as territory_name,
    scopes.scope as breakdown_value,
    scopes.structure_name,
    scopes.typology,
    scopes.feeling,
    scopes.is_answered,
    scopes.published_on,
    count(distinct scopes.experience_id) as experiences
from scopes
inner join {{ ref('bridge_territory_container') }} as containers on scopes.territory_code = containers.territory_code
group by
    containers.container_code,
    containers.container_name,
    scopes.scope,
    scopes.structure_name,
    scopes.typology,
    scopes.feeling,
    scopes.is_answered,
    scopes.published_on
