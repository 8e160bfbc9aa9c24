with contacts as (
    select
        *,
        {{ paris_day('contacted_at') }} as contacted_on
    from {{ ref('stg_brigade_numerique__contact') }}
),

waiting as (
    {{ days_to_archive('contacts', key='contact_key', day='contacted_on', entity='chat_contact') }}
)

select
    contacts.contact_key,
    contacts.conversation_pseudonym,
    contacts.contacted_at,
    contacts.contacted_on,
    contacts.is_hour_repaired,
    contacts.parent_motive,
    contacts.motive,
    contacts.is_pnav,
    contacts.source_load_id
from contacts
left join waiting on contacts.contacted_on = waiting.day and contacts.source_load_id = waiting.source_load_id
where {{ is_of_the_last_days('contacts.contacted_on') }} or waiting.source_load_id is not null
