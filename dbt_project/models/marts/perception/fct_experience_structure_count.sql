-- Somebody who sees one territory reads the nation's rows too: a structure of one place would tell of that place there.
with places as (
    select
        structure_name,
        count(distinct territory_code) > 1 as is_in_several
    from {{ ref('fct_experience_structure') }}
    where territory_code not in ('XX', 'ZZ')
    group by structure_name
),

scopes as (
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
),

contained as (
    select
        containers.container_code,
        containers.container_name,
        scopes.experience_id,
        scopes.scope,
        case
            when containers.container_code = 'FR' and not coalesce(places.is_in_several, false)
                then 'Structures d''un seul territoire'
            else scopes.structure_name
        end as structure_name,
        scopes.typology,
        scopes.feeling,
        scopes.is_answered,
        scopes.published_on
    from scopes
    inner join {{ ref('bridge_territory_container') }} as containers
        on scopes.territory_code = containers.territory_code
    left join places on scopes.structure_name = places.structure_name
)

select
    container_code as territory_code,
    container_name as territory_name,
    scope as breakdown_value,
    structure_name,
    typology,
    feeling,
    is_answered,
    published_on,
    count(distinct experience_id) as experiences
from contained
group by
    container_code,
    container_name,
    scope,
    structure_name,
    typology,
    feeling,
    is_answered,
    published_on
