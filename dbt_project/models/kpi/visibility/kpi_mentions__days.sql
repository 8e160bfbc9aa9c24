select
    published_on as occurred_on,
    territory_code,
    network,
    mentions as numerator,
    cast(null as bigint) as denominator,
    mentions as observations
from {{ ref('int_mention_day') }}
where mentions > 0
