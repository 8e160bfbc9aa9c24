select
    contact_key as record_key,
    contacted_on as occurred_on,
    'ZZ' as territory_code,
    category,
    concat(lpad(cast(contacted_hour as string), 2, '0'), ' h') as hour,
    cast(1 as bigint) as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_chat_contact') }}
where category <> 'PNAV'
