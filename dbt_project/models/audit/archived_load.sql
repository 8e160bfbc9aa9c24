with archived as (
    select
        'mention' as entity,
        published_on as day,
        source_load_id,
        mention_id as record_key
    from {{ ref('fct_mention') }}
    union all
    select
        'chat_contact' as entity,
        contacted_on as day,
        source_load_id,
        contact_key as record_key
    from {{ ref('int_chat_contact_archive') }}
)

select
    entity,
    day,
    source_load_id,
    cast(count(record_key) as bigint) as rows
from archived
group by
    entity,
    day,
    source_load_id
