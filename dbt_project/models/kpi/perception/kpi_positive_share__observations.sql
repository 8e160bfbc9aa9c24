with opinions as (
    select
        experience_id,
        published_on,
        territory_code,
        scope,
        cast(null as string) as theme,
        feeling
    from {{ ref('fct_experience') }}
    union all
    select
        experience_id,
        published_on,
        territory_code,
        scope,
        theme,
        feeling
    from {{ ref('fct_experience_theme') }}
)

select
    experience_id as record_key,
    published_on as occurred_on,
    territory_code,
    scope,
    theme,
    cast(case when feeling = 'positif' then 1 else 0 end as bigint) as numerator,
    cast(1 as bigint) as denominator
from opinions
