select
    feedback_key as record_key,
    occurred_on,
    territory_code,
    platform,
    cast(case when feeling = 'négatif' then 1 else 0 end as bigint) as numerator,
    cast(1 as bigint) as denominator
from {{ ref('fct_feedback') }}
where
    channel in ('google', 'google_play', 'app_store')
    and original_scale = 'stars'
    and original_mark is not null
