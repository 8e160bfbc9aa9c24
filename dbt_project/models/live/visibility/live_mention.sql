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
        {{ is_of_the_last_days('mentions.published_on') }} as is_recent
    from mentions
    left join waiting
        on mentions.published_on = waiting.day and mentions.source_load_id = waiting.source_load_id
    where {{ is_of_the_last_days('mentions.published_on') }} or waiting.source_load_id is not null
),

placed as (
    {{ placed_mentions('shown') }}
)

select
    mention_id,
    published_at,
    published_on,
    network,
    topics,
    territory_code,
    potential_reach,
    engagement,
    sentiment,
    is_share,
    language_code,
    -- What is older waits for the archive, which takes neither text nor author.
    case when is_recent then parent_mention_id end as parent_mention_id,
    case when is_recent then url end as url,
    case when is_recent then title end as title,
    case when is_recent then text end as text,
    case when is_recent then author_id end as author_id,
    case when is_recent then author_followers end as author_followers,
    vendor,
    source_load_id
from placed
