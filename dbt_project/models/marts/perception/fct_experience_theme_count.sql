with scopes as (
    select
        experience_id,
        theme,
        theme_label,
        feeling,
        territory_code,
        published_on,
        scope
    from {{ ref('fct_experience_theme') }}
    union all
    select
        experience_id,
        theme,
        theme_label,
        feeling,
        territory_code,
        published_on,
        'total' as scope
    from {{ ref('fct_experience_theme') }}
)

select
    containers.container_code as territory_code,
    containers.container_name as territory_name,
    scopes.scope as breakdown_value,
    scopes.theme,
    scopes.theme_label,
    scopes.feeling,
    scopes.published_on,
    count(scopes.experience_id) as experiences
from scopes
inner join {{ ref('bridge_territory_container') }} as containers on scopes.territory_code = containers.territory_code
group by
    containers.container_code,
    containers.container_name,
    scopes.scope,
    scopes.theme,
    scopes.theme_label,
    scopes.feeling,
    scopes.published_on
