with contacts as (
    select
        *,
        {{ paris_time('contacted_at') }} as local_time
    from {{ ref('int_chat_contact_archive') }}
),

motives as (
    select * from {{ ref('chat_motives') }}
),

categorised as (
    select
        contacts.*,
        -- An export says PNAV in either motive, in any spelling; the seed knows the usual one.
        case
            when contacts.is_pnav then 'PNAV'
            else coalesce(by_motive.category, of_the_parent.category, of_none.category)
        end as category,
        by_motive.category is not null as is_known_motive
    from contacts
    left join motives as by_motive
        on
            contacts.parent_motive is not distinct from by_motive.parent_motive
            and contacts.motive is not distinct from by_motive.motive
    left join motives as of_the_parent
        on contacts.parent_motive = of_the_parent.parent_motive and of_the_parent.motive is null
    left join motives as of_none on of_none.parent_motive is null and of_none.motive is null
)

select
    categorised.contact_key,
    categorised.conversation_pseudonym,
    categorised.contacted_at,
    categorised.contacted_on,
    cast(extract(hour from categorised.local_time) as integer) as contacted_hour,
    categorised.is_hour_repaired,
    calendar.is_weekend
    or calendar.is_public_holiday
    or extract(hour from categorised.local_time) < 8
    or extract(hour from categorised.local_time) >= 19 as is_out_of_hours,
    categorised.parent_motive,
    categorised.motive,
    categorised.is_known_motive,
    categorised.category,
    categorised.is_pnav,
    categorised.source_load_id
from categorised
inner join {{ ref('dim_calendar') }} as calendar on categorised.contacted_on = calendar.date_day
