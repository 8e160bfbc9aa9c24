{% set themes = {
    'accessibilite': 'Accessibilité',
    'information_explication': 'Information et explication',
    'relation': 'Relation',
    'reactivite': 'Réactivité',
    'simplicite_complexite': 'Simplicité ou complexité',
} %}
with experiences as (
    select * from {{ ref('stg_services_publics_plus__experience') }}
),

opinions as (
    {% for theme, label in themes.items() %}
    select
        experience_id,
        '{{ theme }}' as theme,
        '{{ label }}' as theme_label,
        {{ theme }}_feeling as feeling
    from experiences
    where {{ theme }}_feeling is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    opinions.experience_id,
    opinions.theme,
    opinions.theme_label,
    opinions.feeling,
    experiences.scope,
    experiences.territory_code,
    experiences.published_on
from opinions
inner join {{ ref('fct_experience') }} as experiences on opinions.experience_id = experiences.experience_id
