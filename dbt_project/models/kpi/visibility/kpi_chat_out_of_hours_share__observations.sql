select
    contact_key as record_key,
    contacted_on as occurred_on,
    'ZZ' as territory_code,
    category,
    cast(case when is_out_of_hours then 1 else 0 end as bigint) as numerator,
    cast(1 as bigint) as denominator
from {{ ref('fct_chat_contact') }}
where category <> 'PNAV'
