with mentions as (
    select
        *,
        {{ paris_day('published_at') }} as published_on
    from {{ ref('stg_listening__mention') }}
),

waiting as (
    {{ days_to_archive('mentions', key='mention_id', day='published_on', entity='mention') }}
),

shown as (
    select
        mentions.*,
        {{ is_of_the_last_days('mentions.published_on') }} as is_recent,
        waiting.source_load_id is not null as is_waiting
    from mentions
    left join waiting
        on mentions.published_on = waiting.day and mentions.source_load_id = waiting.source_load_id
),

aliases as (
    select
        departement_code,
        territory_code
    from {{ ref('territory_aliases') }}
    where territory_code <> 'ZZ'
)

select
    shown.mention_id,
    shown.published_at,
    shown.published_on,
    shown.network,
    shown.topics,
    coalesce(
        territories.territory_code,
        aliases.territory_code,
        case when coalesce(shown.country_code, 'FR') <> 'FR' then 'XX' end,
        'ZZ'
    ) as territory_code,
    shown.potential_reach,
    shown.engagement,
    shown.sentiment,
    shown.is_share,
    shown.language_code,
    -- What is older waits for the archive, which takes neither text nor author.
    case when shown.is_recent then shown.parent_mention_id end as parent_mention_id,
    case when shown.is_recent then shown.url end as url,
    case when shown.is_recent then shown.title end as title,
    case when shown.is_recent then shown.text end as text,
    case when shown.is_recent then shown.author_id end as author_id,
    case when shown.is_recent then shown.author_followers end as author_followers,
    shown.vendor,
    shown.source_load_id
from shown
left join {{ ref('territories') }} as territories on shown.departement_code = territories.departement_code
left join aliases on shown.departement_code = aliases.departement_code
where shown.is_recent or shown.is_waiting
