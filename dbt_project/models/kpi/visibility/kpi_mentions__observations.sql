select
    mention_id as record_key,
    published_on as occurred_on,
    territory_code,
    network,
    cast(1 as bigint) as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_mention') }}
