select
    mention_id as record_key,
    published_on as occurred_on,
    territory_code,
    network,
    potential_reach as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_mention') }}
where potential_reach is not null
