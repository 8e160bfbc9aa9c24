select
    contacts.contact_key as record_key,
    contacts.contacted_on as occurred_on,
    'ZZ' as territory_code,
    contacts.category,
    concat(lpad(cast(contacts.contacted_hour as string), 2, '0'), ' h') as hour,
    concat(calendar.weekday_name, ' ', lpad(cast(contacts.contacted_hour as string), 2, '0'), ' h') as weekday_hour,
    cast(1 as bigint) as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_chat_contact') }} as contacts
inner join {{ ref('dim_calendar') }} as calendar on contacts.contacted_on = calendar.date_day
where contacts.category <> 'PNAV'
