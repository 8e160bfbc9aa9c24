with entries as (
    select
        crisis_id,
        count(event_id) as entries
    from {{ ref('stg_operations__crisis_event') }}
    group by crisis_id
)

select
    crises.crisis_id,
    crises.title,
    crises.crisis_kind,
    crises.status = 'ouverte' as is_open,
    crises.opened_at,
    {{ paris_day('crises.opened_at') }} as opened_on,
    crises.closed_at,
    crises.territories,
    crises.topics,
    crises.owner,
    cast(coalesce(entries.entries, 0) as bigint) as log_entries,
    crises.source_load_id
from {{ ref('stg_operations__crisis') }} as crises
left join entries on crises.crisis_id = entries.crisis_id
