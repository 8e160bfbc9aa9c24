select
    published_on as occurred_on,
    territory_code,
    network,
    potential_reach as numerator,
    cast(null as bigint) as denominator,
    mentions_of_known_reach as observations
from {{ ref('int_mention_day') }}
where mentions_of_known_reach > 0
