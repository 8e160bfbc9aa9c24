select
    concat('pre_complaint|', declaration_id) as record_key,
    began_on as occurred_on,
    territory_code,
    cast(1 as bigint) as numerator,
    cast(0 as decimal(38, 6)) as denominator
from {{ ref('fct_pre_complaint') }}
union all
select
    concat('chat|', contact_key) as record_key,
    contacted_on as occurred_on,
    'ZZ' as territory_code,
    cast(1 as bigint) as numerator,
    cast(0 as decimal(38, 6)) as denominator
from {{ ref('fct_chat_contact') }}
where category <> 'PNAV'
union all
select
    concat('action|', action_id) as record_key,
    started_on as occurred_on,
    territory_code,
    cast(0 as bigint) as numerator,
    working_hours as denominator
from {{ ref('fct_prevention_action') }}
where working_hours is not null
